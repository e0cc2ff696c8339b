"""Keeps the digest of stored rows in the audit trail, so that `row_check` finds a row that is changed later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Unpack

import msgspec

from fairtrial.domain.limits.canonical_json import sha256_of_json
from fairtrial.domain.limits.constants import microseconds
from fairtrial.store.access import audit
from fairtrial.store.access.audit import Entry
from fairtrial.store.core.database import Cursor

STORED = "stored"
"""The detail of an entry with the table, the row and its digest."""
ANY_STORED = """SELECT 1 FROM events WHERE contains(details, '"stored": {') LIMIT 1"""


@dataclass(frozen=True, slots=True)
class CoveredTable:
    """A table whose rows have their digests in the audit trail.

    ``key``: the column that identifies a row; a look has several rows with one key. ``subject``: the column with the
    subject of its entry, and ``link`` the words before it in a sentence. ``first``: the action of a row's first entry,
    if the row may change later with another entry; otherwise only the first digest counts.
    """

    name: str
    noun: str
    key: str = "number"
    subject: str = "experiment"
    link: str = "of"
    first: str = ""


class StoredDigest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The digest of a row as an entry has it.

    ``before``: the rows of each table without a digest, in the first entry that has one.
    """

    table: str
    row: int | str
    sha256: str
    before: dict[str, int] | None = None


TRANSITIONS = CoveredTable("transitions", "transition")
APPROVALS = CoveredTable("approvals", "approval", subject="verdict_id", link="of the verdict")
LOOKS = CoveredTable("looks", "look")
ANALYSIS_PLANS = CoveredTable("analysis_plans", "analysis plan")
PUBLISHED_PLANS = CoveredTable("published_plans", "published plan", subject="plan_hash", link="with the hash")
ALARMS = CoveredTable("alarms", "alarm", key="alarm_id", subject="alarm_id", first="alarm.open")
VERDICTS = CoveredTable("verdicts", "verdict", key="verdict_id", subject="verdict_id")
TABLES = (TRANSITIONS, APPROVALS, LOOKS, ANALYSIS_PLANS, PUBLISHED_PLANS, ALARMS, VERDICTS)


def record(cursor: Cursor, table: CoveredTable, key: int | str, **entry: Unpack[Entry]) -> None:
    """Append an entry with the digest of a row that was just stored, in the caller's transaction.

    The first one also counts the rows that earlier versions stored without a digest.
    """
    names, rows = _read(cursor, f"SELECT * FROM {table.name} WHERE {table.key} = ?", key)  # noqa: S608 - ours
    stored = StoredDigest(table.name, key, combined(row_digest(names, row) for row in rows))
    if cursor.execute(ANY_STORED).fetchone() is None:
        before = {one.name: cursor.value(f"SELECT count(DISTINCT {one.key}) FROM {one.name}") for one in TABLES}  # noqa: S608 - ours
        before[table.name] -= not table.first or entry["action"] == table.first  # the row is new
        stored = msgspec.structs.replace(stored, before=before)
    details = {**(entry.get("details") or {}), STORED: msgspec.to_builtins(stored)}
    with_digest: Entry = {**entry, "details": details}
    audit.append(cursor, **with_digest)


def row_digest(names: Sequence[str], row: Sequence[Any]) -> str:
    """The digest of one row. Columns that are NULL don't count, so that a later version may add columns."""
    return sha256_of_json({name: _plain(value) for name, value in zip(names, row, strict=True) if value is not None})


def combined(digests: Iterable[str]) -> str:
    """The digest of all rows with one key, in any order."""
    return sha256_of_json(sorted(digests))


def _read(cursor: Cursor, sql: str, key: int | str) -> tuple[list[str], list[tuple[Any, ...]]]:
    result = cursor.execute(sql, [key])
    return [str(column[0]) for column in result.description or ()], result.fetchall()


def _plain(value: Any) -> Any:
    return microseconds(value) if isinstance(value, datetime) else value
