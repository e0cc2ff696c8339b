"""Compares stored rows with the audit trail, and names each row that was changed, added or removed."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fairtrial.domain.limits.canonical_json import json_object
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.store_reports import RowProblem
from fairtrial.domain.wording import counted
from fairtrial.store.access import audit
from fairtrial.store.access.audit import (
    APPROVALS,
    STORED,
    TABLES,
    VERDICTS,
    CoveredTable,
    StoredDigest,
    combined,
    row_digest,
)
from fairtrial.store.core.thread_access import Cursor

Key = int | str | None
NAMES = frozenset(table.name for table in TABLES)
Fields = tuple[Any, ...]
"""What both a row and its entry say. The first one is the subject of the entry."""


@dataclass(frozen=True, slots=True)
class RowCheck:
    """The problems, and the numbers of rows by table that have a digest in the trail, and that have none."""

    problems: tuple[RowProblem, ...]
    covered: Mapping[str, int]
    uncovered: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Digest:
    sha256: str
    subject: str
    action: str


@dataclass(slots=True)
class _Trail:
    """What the trail says of one table. ``before``: the rows without a digest when the first digest was recorded."""

    digests: dict[Key, _Digest] = field(default_factory=dict)
    repeated: dict[Key, int] = field(default_factory=dict)
    earlier: list[tuple[int, Fields]] = field(default_factory=list)
    before: int | None = None


@dataclass(slots=True)
class _Rows:
    """The rows of one table: digests by key, and the subject and fields of those whose key the trail does not have."""

    digests: dict[Key, str] = field(default_factory=dict)
    without: dict[Key, Mapping[str, Any]] = field(default_factory=dict)


def check_rows(cursor: Cursor) -> RowCheck:
    """Compare every covered table with the trail, in the caller's read transaction."""
    trails = _read_trail(cursor)
    problems: list[RowProblem] = []
    covered: dict[str, int] = {}
    uncovered: dict[str, int] = {}
    for table in TABLES:
        rows = _read_rows(cursor, table, trails[table.name])
        problems += _problems(table, rows, trails[table.name])
        covered[table.name] = len(rows.digests) - len(rows.without)
        uncovered[table.name] = len(rows.without)
    return RowCheck(tuple(problems), covered, uncovered)


def _read_trail(cursor: Cursor) -> dict[str, _Trail]:
    trails = {table.name: _Trail() for table in TABLES}
    changing = {table.name: bool(table.first) for table in TABLES}
    for number, at_us, actor, action, subject, text, *_ in audit.entries(cursor):
        details = json_object(text) or {}  # somebody may have changed it
        stored = _stored_digest(details.get(STORED))
        if stored is None:
            for name, entry_of in EARLIER.items():
                if fields := entry_of.of_entry(action, subject, at_us, actor, details):
                    trails[name].earlier.append((number, fields))
            continue
        trail, key = trails[stored.table], stored.row
        for name, count in (stored.before or {}).items():
            if name in trails and trails[name].before is None:
                trails[name].before = count
        if key in trail.digests and not changing[stored.table]:
            trail.repeated[key] = number
        else:
            first = trail.digests.get(key)
            trail.digests[key] = _Digest(stored.sha256, subject, action if first is None else first.action)
    return trails


def _stored_digest(value: Any) -> StoredDigest | None:
    """The digest in an entry; ``None`` if there is none, or if somebody changed it into something else."""
    try:
        digest = msgspec.convert(value, StoredDigest)
    except msgspec.ValidationError:
        return None
    return digest if digest.table in NAMES else None


def _read_rows(cursor: Cursor, table: CoveredTable, trail: _Trail) -> _Rows:
    result = cursor.execute(f"SELECT * FROM {table.name}")  # noqa: S608 - ours
    names = [str(column[0]) for column in result.description or ()]
    key_at = names.index(table.key)
    digests: dict[Key, list[str]] = {}
    without: dict[Key, Mapping[str, Any]] = {}
    while rows := result.fetchmany(audit.SLICE):
        for row in rows:
            digests.setdefault(row[key_at], []).append(row_digest(names, row))
            if row[key_at] not in trail.digests:
                without[row[key_at]] = dict(zip(names, row, strict=True))
    return _Rows({key: combined(parts) for key, parts in digests.items()}, without)


def _problems(table: CoveredTable, rows: _Rows, trail: _Trail) -> Iterator[RowProblem]:
    for key, digest in trail.digests.items():
        if key not in rows.digests:
            yield _problem(table, key, digest.subject, "was removed")
        elif rows.digests[key] != digest.sha256:
            yield _problem(table, key, digest.subject, "was changed after it was stored")
        if key in trail.repeated:
            wrong = f"has a second digest, in entry {trail.repeated[key]} of the audit trail"
            yield _problem(table, key, digest.subject, wrong)
    if table.name in EARLIER:
        yield from _earlier(table, rows, trail)
    else:
        yield from _uncounted(table, rows, trail)


def _earlier(table: CoveredTable, rows: _Rows, trail: _Trail) -> Iterator[RowProblem]:
    """Rows of earlier versions that differ from their entries."""
    of_row = EARLIER[table.name].of_row
    entries = {key: of_row(row) for key, row in rows.without.items()}
    changed, added, removed = compared(entries, trail.earlier)
    for keys, wrong in (
        (changed, "was changed after it was stored"),
        (added, "was added: the audit trail does not have it"),
    ):
        for key in keys:
            yield _problem(table, key, str(entries[key][0]), wrong)
    for number, fields in removed:
        yield _problem(table, None, str(fields[0]), f"was removed: entry {number} of the audit trail recorded it")


def _uncounted(table: CoveredTable, rows: _Rows, trail: _Trail) -> Iterator[RowProblem]:
    """Rows without a digest that can't be those of earlier versions, and rows of earlier versions that are missing."""
    if trail.before is None:
        return
    numbers = [key for key in trail.digests if isinstance(key, int)]
    late = {key for key in rows.without if numbers and not (isinstance(key, int) and key < min(numbers))}
    early = sorted(rows.without.keys() - late, key=lambda key: (key is not None, key))
    renewed = sum(digest.action != table.first for digest in trail.digests.values()) if table.first else 0
    expected = trail.before - renewed
    for key in [*late, *early[max(0, expected) :]]:
        subject = str(rows.without[key].get(table.subject))
        yield _problem(table, key, subject, "was added: the audit trail does not have it")
    if len(early) >= expected:
        return
    last = min(numbers) if numbers else trail.before + 1
    gaps = [number for number in range(1, last) if number not in rows.digests] if table.key == "number" else []
    for number in gaps:
        yield RowProblem(table.name, str(number), f"{table.noun} {number} of an earlier version was removed")
    if not gaps:
        wrong = f"earlier versions stored {counted(expected, table.noun)}, of which {len(early)} can be found"
        yield RowProblem(table.name, "", wrong)


def _problem(table: CoveredTable, key: Key, subject: str, wrong: str) -> RowProblem:
    """``key``: ``None`` for a row of which only the entry is known."""
    verdict_id = subject if table in (APPROVALS, VERDICTS) else ""
    row = subject if key is None and table.key == table.subject else "" if key is None else str(key)
    about = "" if subject == row else f" {table.link} {subject}"
    return RowProblem(table.name, row, f"{table.noun} {row}".rstrip() + f"{about} {wrong}", verdict_id)


@dataclass(frozen=True, slots=True)
class EarlierEntry:
    """Reads the fields of an entry and of its row. ``of_entry`` takes action, subject, time, actor and details.

    It returns nothing for an entry about something else.
    """

    of_entry: Callable[[str, str, int, str, Mapping[str, Any]], Fields]
    of_row: Callable[[Mapping[str, Any]], Fields]


def compared(
    rows: Mapping[Any, Fields], entries: Sequence[tuple[int, Fields]]
) -> tuple[list[Any], list[Any], list[tuple[int, Fields]]]:
    """The keys of rows that were changed and added, and the entries with their numbers of which the row is missing.

    A row without an equal entry was changed if an entry with the same subject has no equal row.
    """
    left: Counter[Hashable] = Counter(_hashable(fields) for _, fields in entries)
    unmatched = [key for key, fields in rows.items() if not _taken(left, fields)]
    missing = [(number, fields) for number, fields in reversed(entries) if _taken(left, fields)][::-1]
    changed, added = [], []
    for key in unmatched:
        same = next((entry for entry in missing if entry[1][0] == rows[key][0]), None)
        if same is None:
            added.append(key)
        else:
            missing.remove(same)
            changed.append(key)
    return changed, added, missing


def _taken(left: Counter[Hashable], fields: Fields) -> bool:
    """Remove one entry with these fields from those left; returns whether there was one."""
    key = _hashable(fields)
    there = left[key] > 0
    left[key] -= there
    return there


def _hashable(fields: Fields) -> Hashable:
    """Equal for equal numbers. Details of an entry that somebody changed may hold lists, so texts are compared."""
    return tuple(value if isinstance(value, int | float) else repr(value) for value in fields)


def _transition_entry(action: str, subject: str, at_us: int, actor: str, details: Mapping[str, Any]) -> Fields:
    group, _, verb = str(action).partition(".")
    if group != "experiment":
        return ()
    return subject, verb, at_us, actor, *(details.get(name) for name in ("from", "to", "segment", "why", "stage"))


def _transition_row(row: Mapping[str, Any]) -> Fields:
    names = ("actor", "from_state", "to_state", "segment", "why", "stage")
    return (row["experiment"], row["action"], _time(row), *(row[name] for name in names))


def _approval_entry(action: str, subject: str, at_us: int, actor: str, details: Mapping[str, Any]) -> Fields:
    if action not in ("verdict.approve", "verdict.reject"):
        return ()
    return subject, action.removeprefix("verdict."), at_us, actor, details.get("role"), details.get("why")


def _approval_row(row: Mapping[str, Any]) -> Fields:
    return row["verdict_id"], row["vote"], _time(row), row["actor"], row["role"], row["why"]


def _verdict_entry(action: str, subject: str, _: int, __: str, details: Mapping[str, Any]) -> Fields:
    """Release 0.1.0 recorded the time of the entry, and the row does not say who requested the verdict."""
    entry = subject, details.get("decision"), details.get("candidate")
    return entry if action == "verdict.save" else ()


def _verdict_row(row: Mapping[str, Any]) -> Fields:
    return row["verdict_id"], row["decision"], row["candidate"]


def _time(row: Mapping[str, Any]) -> int | None:
    return None if row["at_time"] is None else microseconds(row["at_time"])


EARLIER: Mapping[str, EarlierEntry] = {
    "transitions": EarlierEntry(_transition_entry, _transition_row),
    "approvals": EarlierEntry(_approval_entry, _approval_row),
    "verdicts": EarlierEntry(_verdict_entry, _verdict_row),
}
"""By the name of the table."""
