"""Who was erased, by hash only, kept beside the store: a backup that is restored must not bring anybody back.

One JSON line for each erasure. It outlives the store's file, which a restored one replaces.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from fairtrial.config.layout import Layout
from fairtrial.store.database import Database
from fairtrial.store.erase_rows import BODY_PATHS
from fairtrial.store.erase_state import ErasureState, unit_hash
from fairtrial.store.query import at, microseconds

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
NAMED = """
WITH named AS (
    SELECT unnest(CASE WHEN json_valid(request_body) THEN json_extract_string(request_body, $1) END) AS name, at_time
    FROM payloads
)
SELECT name, min(at_time) FROM named WHERE name IS NOT NULL GROUP BY name ORDER BY name
"""
Returned = Literal["unit", "user", "conversation", "request"]


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
    _append(layout, lines)


def carry(source: Layout, target: Layout) -> None:
    """Who was erased in one store stays so in another, where a backup of the first is restored; raises `OSError`."""
    lines, known = (_lines(layout) for layout in (source, target))
    new = [line for line in lines if line not in known]
    if new:
        _append(target, b"".join(line + b"\n" for line in new))


def come_back(database: Database, pseudonym: Callable[[str], str]) -> list[tuple[Returned, str]]:
    """Whoever was erased and of whom older rows are there again: units by pseudonym, requests by id, others by name.

    Names are found in bodies, which may name somebody else than the unit that was recorded; ``pseudonym`` of a name.
    """
    erased = {entry.hash: entry for entry in _read(database.layout)}
    if not erased:
        return []
    bound = {"hashes": list(erased), "times": [at(entry.at_us) for entry in erased.values()]}
    with database.looking() as cursor:
        found: dict[str, tuple[Returned, str]] = {
            hash_: (erased[hash_].of, str(name)) for name, hash_ in cursor.execute(BACK, bound).fetchall()
        }
        for kind in ("user", "conversation"):
            for name, first in cursor.execute(NAMED, [list(BODY_PATHS[kind])]).fetchall():
                hash_ = unit_hash(pseudonym(str(name).strip()))
                if hash_ in erased and microseconds(first) < erased[hash_].at_us:
                    found[hash_] = (kind, str(name))
    return list(found.values())


def _append(layout: Layout, lines: bytes) -> None:
    fd = os.open(_path(layout), os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, PRIVATE)
    try:
        os.write(fd, b"\n" + lines)  # a line that was torn before stays alone
        os.fsync(fd)
    finally:
        os.close(fd)


def _lines(layout: Layout) -> list[bytes]:
    try:
        return _path(layout).read_bytes().splitlines()
    except FileNotFoundError:
        return []


def _read(layout: Layout) -> list[Erased]:
    entries = []
    for line in _lines(layout):
        try:
            entries.append(msgspec.json.decode(line, type=Erased))
        except msgspec.DecodeError:
            continue  # the torn last line of a killed program: its erasure is not finished either
    return entries


def _path(layout: Layout) -> Path:
    return layout.folder / FILE
