"""Stores what a reviewer has entered about an item, at every change, so that a reload loses nothing."""

from __future__ import annotations

import msgspec

from fairtrial.domain.review import Draft
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.reviews import claims

DROP = "DELETE FROM review_drafts WHERE item_id = ? AND reviewer = ?"
ONE = "SELECT draft FROM review_drafts WHERE item_id = $1 AND reviewer = $2"


def save(database: Database, item_id: str, draft: Draft, *, reviewer: str, now_us: int) -> int:
    """Replace the draft and renew the claim; returns when the claim ends.

    Raises `NotFound`, and `Conflict` if the reviewer no longer holds the item; nothing is changed then.
    """
    with database.transaction() as cursor:
        claim = claims.require_holder(cursor, item_id, reviewer)
        put(cursor, claim.queue_id, item_id, draft=draft, reviewer=reviewer, now_us=now_us)
        return claims.renew(cursor, item_id, reviewer=reviewer, now_us=now_us)


def put(cursor: Cursor, queue_id: str, item_id: str, *, draft: Draft, reviewer: str, now_us: int) -> None:
    """Store the draft of this reviewer and item, within the caller's transaction."""
    drop(cursor, item_id, reviewer)
    text = msgspec.json.encode(draft).decode()
    of = {"item_id": item_id, "queue_id": queue_id, "reviewer": reviewer}
    cursor.insert("review_drafts", **of, at_time=timestamp(now_us), draft=text)


def drop(cursor: Cursor, item_id: str, reviewer: str) -> None:
    cursor.execute(DROP, [item_id, reviewer])


def read(cursor: Cursor, item_id: str, reviewer: str) -> Draft | None:
    """This reviewer's draft of the item, or ``None``."""
    text = cursor.value(ONE, [item_id, reviewer])
    return None if text is None else msgspec.json.decode(text, type=Draft)
