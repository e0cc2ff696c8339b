"""Who was erased, by hash only, kept beside the store: a backup that is restored must not bring anybody back.

One JSON line for each erasure. It outlives the store's file, which a restored one replaces.
"""

from __future__ import annotations

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
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.erasure_state import ErasureState, unit_hash
from fairtrial.store.core.query import at, microseconds
from fairtrial.store.erasure.rows import BODY_PATHS

FILE = "erased.jsonl"
PRIVATE = 0o600
DAY_US = 86_400_000_000
"""Longer than a request takes: its row, which carries the time when it began, comes when it has ended."""

UNREADABLE = "unreadable segments"
"""In the counts of the ledger: how many segments an erasure could not look into; absent before this was counted."""

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
"""Names are hashed one by one and never grouped: a store may hold ten million."""

NAMES: Mapping[str, Sequence[tuple[str, str]]] = {
    "unit": (("requests", "unit"), ("exposures", "unit"), ("feedback", "unit")),
    "request": (("requests", "request_id"),),
}
KINDS: Sequence[Literal["user", "conversation"]] = ("user", "conversation")
NAMED = """
SELECT json_extract_string(request_body, $paths), at_time
FROM payloads
WHERE at_time >= $first AND at_time < $last AND json_valid(request_body)
"""
BATCH = 10_000
"""Rows of bodies' names in memory at a time."""

CHECKED = "erased units that this store does not hold"
READ_CHECKED = "SELECT value FROM settings WHERE name = ?"
FORGET_CHECKED = "DELETE FROM settings WHERE name = ?"
WRITE_CHECKED = "INSERT INTO settings (name, value) VALUES (?, ?)"

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


@dataclass(frozen=True, slots=True)
class Search:
    """An erased unit, and from when on rows of it may be there again."""

    erased: Erased
    since_us: int


def outstanding(database: Database) -> list[Search]:
    """Whom this store may hold again: by a backup that was restored, or by a request that ended after the erasure.

    After an erasure in this store only requests that were under way can bring the unit back. Raises `StoreError`.
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


def come_back(database: Database, pseudonym: Callable[[str], str]) -> list[tuple[Returned, str]]:
    """Whoever was erased and of whom older rows are there again: units by pseudonym, requests by id, others by name.

    Names are found in bodies, which may name somebody else than the unit that was recorded; ``pseudonym`` of a name
    must ask no database. Bring the journal in before; memory doesn't grow with the store. Raises `StoreError`.
    """
    searches = {search.erased.hash: search for search in outstanding(database)}
    if not searches:
        return []
    bounds = {
        "first": at(min(search.since_us for search in searches.values())),
        "last": at(max(search.erased.at_us for search in searches.values())),
    }
    found: dict[str, tuple[Returned, str]] = {}
    try:
        with database.looking() as cursor:
            for of, places in NAMES.items():
                found |= _find(cursor, [one for one in searches.values() if one.erased.of == of], places, bounds)
            found |= _find_in_bodies(cursor, searches, bounds, pseudonym)
    except duckdb.Error as error:
        raise StoreError(f"it could not be found out whether an erased unit is back ({error})") from error
    return list(found.values())


def note_checked(database: Database, *, before_us: int) -> None:
    """Remember that those who were erased before that time are not in this store, so that nobody looks again.

    A backup keeps what was known when it was made, so a store that is restored is looked through again.
    """
    entries = _read(database.layout)
    keys = sorted({_key(entry) for entry in entries if entry.at_us < before_us} | _checked(database))
    if set(keys) == _checked(database):
        return
    with database.writing() as cursor:
        cursor.execute(FORGET_CHECKED, [CHECKED])
        cursor.execute(WRITE_CHECKED, [CHECKED, "\n".join(keys)])


def _find(
    cursor: Cursor, searches: Sequence[Search], places: Sequence[tuple[str, str]], bounds: Mapping[str, datetime]
) -> dict[str, tuple[Returned, str]]:
    """Whose recorded name is there again, by hash."""
    bound = {
        "hashes": [search.erased.hash for search in searches],
        "since": [at(search.since_us) for search in searches],
        "until": [at(search.erased.at_us) for search in searches],
        **bounds,
    }
    of = {search.erased.hash: search.erased.of for search in searches}
    found: dict[str, tuple[Returned, str]] = {}
    for table, name in places if searches else ():
        rows = cursor.execute(FIND.format(table=table, name=name), bound).fetchall()
        found |= {hash_: (of[hash_], str(unit)) for unit, hash_ in rows}
    return found


def _find_in_bodies(
    cursor: Cursor, searches: Mapping[str, Search], bounds: Mapping[str, datetime], pseudonym: Callable[[str], str]
) -> dict[str, tuple[Returned, str]]:
    """Whom a body names, by hash."""
    found: dict[str, tuple[Returned, str]] = {}
    kinds = [kind for kind in KINDS for _ in BODY_PATHS[kind]]
    paths = [path for kind in KINDS for path in BODY_PATHS[kind]]
    cursor.execute(NAMED, {"paths": paths, **bounds})
    while rows := cursor.fetchmany(BATCH):
        for names, time in rows:
            for kind, name in zip(kinds, names, strict=True):
                search = searches.get(unit_hash(pseudonym(name.strip()))) if name else None
                if search is not None and search.since_us <= microseconds(time) < search.erased.at_us:
                    found[search.erased.hash] = (kind, name)
    return found


def _checked(database: Database) -> set[str]:
    return {key for (value,) in database.rows(READ_CHECKED, [CHECKED]) for key in str(value).splitlines()}


def _key(erased: Erased) -> str:
    return f"{erased.hash} {erased.at_us}"


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
