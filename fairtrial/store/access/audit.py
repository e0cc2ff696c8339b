"""Keeps the audit trail, in which each entry contains the hash of the previous one, so that changes are detected."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import Page, Query, timestamp

LAST = "SELECT number, hash FROM events ORDER BY number DESC LIMIT 1"
INSERT = """
INSERT INTO events (number, at_time, actor, action, subject, details, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
LIST = """
SELECT number, at_time, actor, action, subject, details, hash
FROM events
WHERE at_time >= $1 AND at_time < $2
ORDER BY number DESC
LIMIT $3 OFFSET $4
"""
CHAIN = """
SELECT number, epoch_us(at_time), actor, action, subject, details, previous, hash FROM events ORDER BY number
"""


def record(
    database: Database, *, now_us: int, actor: str, action: str, subject: str, details: Mapping[str, Any] | None = None
) -> None:
    """Append one entry. ``details`` must not contain secrets."""
    with database.transaction() as cursor:
        append(cursor, now_us=now_us, actor=actor, action=action, subject=subject, details=details)


def append(
    cursor: Cursor, *, now_us: int, actor: str, action: str, subject: str, details: Mapping[str, Any] | None = None
) -> None:
    """Append one entry in the caller's transaction, so that an action is stored with its entry or not at all."""
    text = json.dumps(details or {}, sort_keys=True)
    last = cursor.execute(LAST).fetchone()
    number, previous = (int(last[0]) + 1, str(last[1])) if last else (1, "")
    hash_ = _hash(number, now_us, actor, action, subject, text, previous)
    cursor.execute(INSERT, [number, timestamp(now_us), actor, action, subject, text, previous, hash_])


def listing(page: Page) -> Query:
    """Entries of a time window, newest first."""
    return Query(LIST, (page.since, page.until, page.rows, page.offset))


def first_broken_entry(database: Database) -> int | None:
    """The number of the first entry that does not match the hash chain; ``None`` if the chain is intact."""
    expected = ""
    for place, (*entry, previous, hash_) in enumerate(database.rows(CHAIN), 1):
        if entry[0] != place or previous != expected or _hash(*entry, previous) != hash_:
            return place
        expected = hash_
    return None


def _hash(*entry: Any) -> str:
    return hashlib.sha256(json.dumps(entry).encode()).hexdigest()
