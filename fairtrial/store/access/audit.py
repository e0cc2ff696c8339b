"""Keeps the audit trail, in which each entry contains the hash of the previous one, so that changes are detected."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict, Unpack

from fairtrial.domain.limits.canonical_json import sha256_of_json
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import Page, Query, timestamp

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
CONTROL = "control"
"""The actor of what rules do."""


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


def head(cursor: Cursor) -> tuple[int, str] | None:
    """The number and the hash of the newest entry."""
    last = cursor.execute(LAST).fetchone()
    return (int(last[0]), str(last[1])) if last else None


def listing(page: Page, wanted: AuditFilter = ALL) -> Query:
    """Entries of a time window, newest first, with the names of their subjects where the store has them."""
    return Query(LIST, (*_chosen(page, wanted), page.rows, page.offset))


def summary(database: Database, page: Page, wanted: AuditFilter) -> dict[str, Any]:
    """The number of entries that match, and every actor and action of the trail, of which one may choose."""
    total = database.value(TOTAL, _chosen(page, wanted))
    actors, actions = ([str(one) for (one,) in database.rows(sql)] for sql in (ACTORS, ACTIONS))
    return {"total": total, "actors": actors, "actions": actions}


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


def _chosen(page: Page, wanted: AuditFilter) -> tuple[Any, ...]:
    return page.since, page.until, wanted.actor, wanted.action, wanted.subject


def _hash(*entry: Any) -> str:
    return sha256_of_json(entry)
