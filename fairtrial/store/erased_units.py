"""Who was erased, by hash only, kept beside the store: a backup that is restored must not bring anybody back.

One JSON line for each erasure. It outlives the store's file, which a restored one replaces.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from fairtrial.config.layout import Layout
from fairtrial.store.database import Database
from fairtrial.store.erase_state import ErasureState, unit_hash
from fairtrial.store.query import at

FILE = "erased.jsonl"
PRIVATE = 0o600
BACK = """
WITH erased AS (SELECT unnest($hashes::VARCHAR[]) AS hash, unnest($times::TIMESTAMP[]) AS until), named AS (
    SELECT unit AS name, at_time FROM requests
    UNION ALL SELECT unit, at_time FROM exposures
    UNION ALL SELECT unit, at_time FROM feedback
    UNION ALL SELECT request_id, at_time FROM requests
), first AS (SELECT name, min(at_time) AS at_time FROM named WHERE name IS NOT NULL GROUP BY name)
SELECT DISTINCT name, hash
FROM first JOIN erased ON sha256(name) = hash
WHERE at_time < until
ORDER BY name
"""


@dataclass(frozen=True, slots=True)
class Erased:
    """``hash`` is of the unit's pseudonym, or of the request's id; what comes after ``at_us`` is a new beginning."""

    hash: str
    of: Literal["unit", "request"]
    at_us: int


def remember(layout: Layout, state: ErasureState, *, now_us: int) -> None:
    """Append one, synced; raises `OSError`. A name that could be guessed from its hash is never hashed."""
    entries = [Erased(unit_hash(state.pseudonym), "unit", now_us)]
    if state.kind == "request":
        entries.append(Erased(hashlib.sha256(state.unit.encode()).hexdigest(), "request", now_us))
    lines = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
    fd = os.open(_path(layout), os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, PRIVATE)
    try:
        os.write(fd, b"\n" + lines)  # a line that was torn before stays alone
        os.fsync(fd)
    finally:
        os.close(fd)


def come_back(database: Database) -> list[tuple[Literal["unit", "request"], str]]:
    """Units (by pseudonym) and requests (by id) that were erased and of which older rows are there again."""
    erased = {entry.hash: entry for entry in _read(database.layout)}
    if not erased:
        return []
    bound = {"hashes": list(erased), "times": [at(entry.at_us) for entry in erased.values()]}
    with database.looking() as cursor:
        found = cursor.execute(BACK, bound).fetchall()
    return [(erased[hash_].of, str(name)) for name, hash_ in found]


def _read(layout: Layout) -> list[Erased]:
    try:
        lines = _path(layout).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    entries = []
    for line in lines:
        try:
            entries.append(msgspec.json.decode(line, type=Erased))
        except msgspec.DecodeError:
            continue  # the torn last line of a killed program: its erasure is not finished either
    return entries


def _path(layout: Layout) -> Path:
    return layout.folder / FILE
