"""Keeps the audit trail as a hash chain, with digests of stored rows, so that a changed entry or row is detected."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NotRequired, TypedDict, Unpack

import msgspec

from fairtrial.api.events import EventSummary
from fairtrial.config.layout import Layout
from fairtrial.domain.limits.canonical_json import sha256_of_json
from fairtrial.domain.limits.constants import microseconds
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import Page, Query, timestamp
from fairtrial.store.core.state_files import load_chain_head
from fairtrial.store.core.thread_access import ChainHead

SET_BACK = """
SELECT arg_max(action, number)
FROM events
WHERE action IN ('store.older', 'store.restore', 'store.new', 'store.adopt')
"""
HAS = "SELECT 1 FROM events WHERE number = ? AND hash = ?"
LAST = "SELECT number, hash FROM events ORDER BY number DESC LIMIT 1"
NAMED = """
WITH named AS (
    SELECT e.number, e.at_time, e.actor, e.action, e.subject, e.details, e.hash,
        coalesce(a.name, k.name, q.title, v.gate, l.experiment) AS subject_name
    FROM events e
        LEFT JOIN accounts a ON a.account_id = e.subject
        LEFT JOIN keys k ON k.key_id = e.subject
        LEFT JOIN review_queues q ON q.queue_id = e.subject
        LEFT JOIN verdicts v ON v.verdict_id = e.subject
        LEFT JOIN alarms l ON l.alarm_id = e.subject
    WHERE e.at_time >= $1 AND e.at_time < $2 AND ($3 IS NULL OR e.actor = $3)
        AND ($4 IS NULL OR starts_with(e.action, $4))
), chosen AS (
    SELECT * FROM named
    WHERE $5 IS NULL OR contains(lower(subject), lower($5)) OR contains(lower(subject_name), lower($5))
)
"""
LIST = f"""{NAMED}
SELECT number, at_time, actor, action, subject, subject_name, details, hash
FROM chosen
ORDER BY number DESC
LIMIT $6 OFFSET $7
"""  # noqa: S608 - a constant
TOTAL = f"{NAMED} SELECT count(*) FROM chosen"  # noqa: S608 - a constant
ACTORS = "SELECT DISTINCT actor FROM events ORDER BY actor LIMIT 1000"
ACTIONS = "SELECT DISTINCT action FROM events ORDER BY action LIMIT 1000"
CHAIN = """
SELECT number, epoch_us(at_time), actor, action, subject, details, previous, hash FROM events ORDER BY number
"""
SLICE = 1000

STORED = "stored"
"""The detail of an entry with the table, the row and its digest."""
ANY_STORED = """SELECT 1 FROM events WHERE contains(details, '"stored": {') LIMIT 1"""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are listed; ``None`` means all.

    ``action``: how the action begins, such as ``plan.``; ``subject``: a part of the subject or of its name.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None


ALL = AuditFilter()


class Entry(TypedDict):
    """What is recorded: who did what to what, and when. ``details`` must not contain secrets."""

    now_us: int
    actor: str
    action: str
    subject: str
    details: NotRequired[Mapping[str, Any] | None]


def record(database: Database, **entry: Unpack[Entry]) -> None:
    """Append one entry."""
    with database.transaction() as cursor:
        append(cursor, **entry)


def append(cursor: Cursor, **entry: Unpack[Entry]) -> None:
    """Append one entry in the caller's transaction, so that an action is stored with its entry or not at all."""
    now_us, actor, action, subject = entry["now_us"], entry["actor"], entry["action"], entry["subject"]
    text = json.dumps(entry.get("details") or {}, sort_keys=True)
    last = head(cursor)
    number, previous = (last[0] + 1, last[1]) if last else (1, "")
    hash_ = _hash(number, now_us, actor, action, subject, text, previous)
    of = {"actor": actor, "action": action, "subject": subject, "details": text}
    cursor.insert("events", number=number, at_time=timestamp(now_us), **of, previous=previous, hash=hash_)
    cursor.chain_head = (number, hash_)


def missing_head(cursor: Cursor, layout: Layout) -> int | None:
    """The number of the newest entry that this store ever had, if the store lacks it; otherwise ``None``."""
    known = load_chain_head(layout)
    return None if known is None or cursor.value(HAS, known) else known[0]


def is_set_back(cursor: Cursor) -> bool:
    """Whether the store is new, restored or an older copy, and has not yet adopted the states that were published."""
    return cursor.value(SET_BACK) not in (None, "store.adopt")


def head(cursor: Cursor) -> ChainHead | None:
    """The number and the hash of the newest entry."""
    last = cursor.execute(LAST).fetchone()
    return (int(last[0]), str(last[1])) if last else None


def listing(page: Page, entry_filter: AuditFilter = ALL) -> Query:
    """Entries of a time window, newest first, with the names of their subjects where the store has them."""
    return Query(LIST, (*_chosen(page, entry_filter), page.rows, page.offset))


def summary(database: Database, page: Page, entry_filter: AuditFilter) -> EventSummary:
    """The number of entries that match, and every actor and action of the trail, of which one may choose."""
    total = database.value(TOTAL, _chosen(page, entry_filter))
    actors, actions = ([str(name) for (name,) in database.rows(sql)] for sql in (ACTORS, ACTIONS))
    return EventSummary(total=total, actors=actors, actions=actions)


def entries(cursor: Cursor) -> Iterator[tuple[Any, ...]]:
    """The columns of `CHAIN` of each entry, oldest first, read in slices. Nothing else may use the cursor meanwhile."""
    result = cursor.execute(CHAIN)
    while rows := result.fetchmany(SLICE):
        yield from rows


def first_broken_entry(database: Database) -> int | None:
    """The number of the first entry that does not match the hash chain; ``None`` if the chain is intact."""
    expected = ""
    with database.read_cursor() as cursor:
        for place, (*entry, previous, hash_) in enumerate(entries(cursor), 1):
            if entry[0] != place or previous != expected or _hash(*entry, previous) != hash_:
                return place
            expected = hash_
    return None


def _chosen(page: Page, entry_filter: AuditFilter) -> tuple[Any, ...]:
    return page.since, page.until, entry_filter.actor, entry_filter.action, entry_filter.subject


def _hash(*entry: Any) -> str:
    return sha256_of_json(entry)


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


def record_row(cursor: Cursor, table: CoveredTable, key: int | str, **entry: Unpack[Entry]) -> None:
    """Append an entry with the digest of a row that was just stored, in the caller's transaction.

    The first one also counts the rows that earlier versions stored without a digest.
    """
    names, rows = _read(cursor, f"SELECT * FROM {table.name} WHERE {table.key} = ?", key)  # noqa: S608 - ours
    stored = StoredDigest(table.name, key, combined(row_digest(names, row) for row in rows))
    if cursor.execute(ANY_STORED).fetchone() is None:
        queries = {covered.name: f"SELECT count(DISTINCT {covered.key}) FROM {covered.name}" for covered in TABLES}  # noqa: S608 - ours
        before = {name: cursor.value(sql) for name, sql in queries.items()}
        before[table.name] -= not table.first or entry["action"] == table.first  # the row is new
        stored = msgspec.structs.replace(stored, before=before)
    details = {**(entry.get("details") or {}), STORED: msgspec.to_builtins(stored)}
    with_digest: Entry = {**entry, "details": details}
    append(cursor, **with_digest)


def row_digest(names: Sequence[str], row: Sequence[Any]) -> str:
    """The digest of one row. Columns that are NULL don't count, so that a later version may add columns."""
    return sha256_of_json(
        {
            name: microseconds(value) if isinstance(value, datetime) else value
            for name, value in zip(names, row, strict=True)
            if value is not None
        }
    )


def combined(digests: Iterable[str]) -> str:
    """The digest of all rows with one key, in any order."""
    return sha256_of_json(sorted(digests))


def _read(cursor: Cursor, sql: str, key: int | str) -> tuple[list[str], list[tuple[Any, ...]]]:
    result = cursor.execute(sql, [key])
    return [str(column[0]) for column in result.description or ()], result.fetchall()
