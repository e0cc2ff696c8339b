"""Lists erased units by hash, outside the store, so that restoring a backup does not bring them back.

The file has one JSON line for each erasure. It survives a restore, which replaces the store's file.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import duckdb
import msgspec

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreError
from fairtrial.domain.limits.constants import DAY_US, microseconds
from fairtrial.domain.settings import UnitKind
from fairtrial.safe_files import PRIVATE
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.core.state_files import ErasureState, unit_hash

FILE = "erased.jsonl"

UNREADABLE = "unreadable segments"
"""The key in the ledger's counts for segments that an erasure could not read. Older entries lack it."""

OWN = f"""
SELECT unit_hash, ended_time FROM erasures WHERE json_extract_string(counts, '$."{UNREADABLE}"') = '0'
"""  # noqa: S608 - ours
FIND = """
WITH erased AS (
    SELECT
        unnest($hashes::VARCHAR[]) AS hash, unnest($since::TIMESTAMP[]) AS since, unnest($until::TIMESTAMP[]) AS until
)
SELECT DISTINCT name, hash
FROM (
    SELECT {name} AS name, at_time FROM {table} WHERE {name} IS NOT NULL AND at_time >= $first AND at_time < $last
) JOIN erased ON sha256(name) = hash
WHERE at_time >= since AND at_time < until
ORDER BY name
"""
"""Names are hashed one by one and never grouped, because a store may contain ten million."""

NAMES: Mapping[str, Sequence[tuple[str, str]]] = {
    "unit": (
        *((table, "unit") for table in ("requests", "exposures", "feedback", "shadow_pairs")),
        ("requests", "exposed_unit"),
    ),
    "request": (("requests", "request_id"),),
}
KINDS: Sequence[Literal["user", "conversation"]] = ("user", "conversation")
BODY_PATHS: Mapping[UnitKind, Sequence[str]] = {
    "user": ("$.user", "$.safety_identifier", "$.metadata.user_id"),
    "conversation": ("$.conversation", "$.conversation.id", "$.metadata.conversation_id"),
    "request": (),
}
"""Where a request names its unit. Bodies of requests outside experiments name one too."""

NAMED = """
SELECT json_extract_string(request_body, $paths), at_time
FROM payloads
WHERE at_time >= $first AND at_time < $last AND json_valid(request_body)
"""
BATCH = 10_000
"""How many rows with the bodies' names are in memory at a time."""

CHECKED = "erased units that this store does not hold"
READ_CHECKED = "SELECT value FROM settings WHERE name = ?"
FORGET_CHECKED = "DELETE FROM settings WHERE name = ?"

Returned = Literal["unit", "user", "conversation", "request"]


@dataclass(frozen=True, slots=True)
class Tombstone:
    """``hash`` is of the unit's pseudonym or the request's id. Data after ``at_us`` is not affected."""

    hash: str
    of: Literal["unit", "request"]
    at_us: int


def add_tombstone(layout: Layout, state: ErasureState, *, now_us: int) -> None:
    """Append one tombstone and sync it; raises `OSError`. A guessable name is never hashed."""
    entries = [Tombstone(unit_hash(state.pseudonym), "unit", now_us)]
    if state.kind == "request":
        entries.append(Tombstone(hashlib.sha256(state.unit.encode()).hexdigest(), "request", now_us))
    lines = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
    _append(layout, lines)


def copy_tombstones(source: Layout, target: Layout) -> None:
    """Copy the tombstones of one store to another where its backup is restored; raises `OSError`."""
    lines, known = (_lines(layout) for layout in (source, target))
    new = [line for line in lines if line not in known]
    if new:
        _append(target, b"".join(line + b"\n" for line in new))


@dataclass(frozen=True, slots=True)
class Search:
    """An erased unit, and the time from which rows of it may exist again."""

    erased: Tombstone
    since_us: int


def outstanding(database: Database) -> list[Search]:
    """The erased units that this store may contain again.

    A restored backup can bring them back, and so can a request that ended after the erasure. After an erasure in this
    store only the latter can. Raises `StoreError`.
    """
    checked = _checked(database)
    own = {(str(hash_), microseconds(ended)) for hash_, ended in database.rows(OWN)}
    ended_us = {at_us for _, at_us in own}
    searches = []
    for erased in {entry.hash: entry for entry in _read(database.layout)}.values():
        here = (erased.hash, erased.at_us) in own if erased.of == "unit" else erased.at_us in ended_us
        if _key(erased) not in checked:
            searches.append(Search(erased, max(0, erased.at_us - DAY_US) if here else 0))
    return searches


def find_restored(database: Database, pseudonym: Callable[[str], str]) -> list[tuple[Returned, str]]:
    """Erased units of which older rows exist again: units by pseudonym, requests by id, others by name.

    Names are looked up in bodies, which may name another unit than the recorded one. ``pseudonym`` must not query the
    database. Ingest the journal first. Memory does not grow with the store. Raises `StoreError`.
    """
    searches = {search.erased.hash: search for search in outstanding(database)}
    if not searches:
        return []
    bounds = {
        "first": timestamp(min(search.since_us for search in searches.values())),
        "last": timestamp(max(search.erased.at_us for search in searches.values())),
    }
    restored: dict[str, tuple[Returned, str]] = {}
    try:
        with database.read_cursor() as cursor:
            for of, places in NAMES.items():
                restored |= _find(
                    cursor, [search for search in searches.values() if search.erased.of == of], places, bounds
                )
            restored |= _find_in_bodies(cursor, searches, bounds, pseudonym)
    except duckdb.Error as error:
        raise StoreError(f"the search for erased units that came back failed ({error})") from error
    return list(restored.values())


def note_checked(database: Database, *, before_us: int) -> None:
    """Record that units erased before this time are not in this store, so that they are not searched again.

    A backup contains an older record, so a restored store is searched again.
    """
    entries = _read(database.layout)
    keys = sorted({_key(entry) for entry in entries if entry.at_us < before_us} | _checked(database))
    if set(keys) == _checked(database):
        return
    with database.transaction() as cursor:
        cursor.execute(FORGET_CHECKED, [CHECKED])
        cursor.insert("settings", name=CHECKED, value="\n".join(keys))


def _find(
    cursor: Cursor, searches: Sequence[Search], places: Sequence[tuple[str, str]], bounds: Mapping[str, datetime]
) -> dict[str, tuple[Returned, str]]:
    """The erased units whose recorded name exists again, by hash."""
    bound = {
        "hashes": [search.erased.hash for search in searches],
        "since": [timestamp(search.since_us) for search in searches],
        "until": [timestamp(search.erased.at_us) for search in searches],
        **bounds,
    }
    of = {search.erased.hash: search.erased.of for search in searches}
    restored: dict[str, tuple[Returned, str]] = {}
    for table, name in places if searches else ():
        rows = cursor.execute(FIND.format(table=table, name=name), bound).fetchall()
        restored |= {hash_: (of[hash_], str(unit)) for unit, hash_ in rows}
    return restored


def _find_in_bodies(
    cursor: Cursor, searches: Mapping[str, Search], bounds: Mapping[str, datetime], pseudonym: Callable[[str], str]
) -> dict[str, tuple[Returned, str]]:
    """The erased units that a body names, by hash."""
    restored: dict[str, tuple[Returned, str]] = {}
    kinds = [kind for kind in KINDS for _ in BODY_PATHS[kind]]
    paths = [path for kind in KINDS for path in BODY_PATHS[kind]]
    result = cursor.execute(NAMED, {"paths": paths, **bounds})
    while rows := result.fetchmany(BATCH):
        for names, time in rows:
            for kind, name in zip(kinds, names, strict=True):
                search = searches.get(unit_hash(pseudonym(name.strip()))) if name else None
                if search is not None and search.since_us <= microseconds(time) < search.erased.at_us:
                    restored[search.erased.hash] = (kind, name)
    return restored


def _checked(database: Database) -> set[str]:
    return {key for (value,) in database.rows(READ_CHECKED, [CHECKED]) for key in str(value).splitlines()}


def _key(erased: Tombstone) -> str:
    return f"{erased.hash} {erased.at_us}"


def _append(layout: Layout, lines: bytes) -> None:
    fd = os.open(_path(layout), os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, PRIVATE)
    try:
        os.write(fd, b"\n" + lines)  # the newline separates this from a torn line
        os.fsync(fd)
    finally:
        os.close(fd)


def _lines(layout: Layout) -> list[bytes]:
    try:
        return _path(layout).read_bytes().splitlines()
    except FileNotFoundError:
        return []


def _read(layout: Layout) -> list[Tombstone]:
    entries = []
    for line in _lines(layout):
        try:
            entries.append(msgspec.json.decode(line, type=Tombstone))
        except msgspec.DecodeError:
            continue  # the torn last line of a killed program, whose erasure is also unfinished
    return entries


def _path(layout: Layout) -> Path:
    return layout.folder / FILE
