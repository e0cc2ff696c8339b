"""Claims an item for one reviewer for ten minutes, and stores what the reviewer has entered, at every change."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from fairtrial.domain.errors import Conflict, NotFound
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.review import CLAIM_US, Draft
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.reviews.queues import require_open

QUEUE_OF = "SELECT queue_id FROM review_items WHERE item_id = $1"
HOLDER = "SELECT reviewer, at_time, expires_time FROM review_claims WHERE item_id = $1"
VOTED = """
SELECT count(*) FROM review_votes
WHERE item_id = $1 AND reviewer = $2 AND vote_id NOT IN (SELECT vote_id FROM review_undone)
"""
DROP_ITEM = "DELETE FROM review_claims WHERE item_id = ?"
DROP_MINE = "DELETE FROM review_claims WHERE queue_id = ? AND reviewer = ?"
RENEW = "UPDATE review_claims SET expires_time = ? WHERE item_id = ? AND reviewer = ?"


class Claim(NamedTuple):
    """The holder of an item, its queue, and the start and end of the claim."""

    queue_id: str
    reviewer: str
    since_us: int
    expires_us: int


def take(cursor: Cursor, queue_id: str, item_id: str, *, reviewer: str, now_us: int) -> int:
    """Claim the item and release the reviewer's other item in the queue; returns when the claim ends."""
    cursor.execute(DROP_MINE, [queue_id, reviewer])
    cursor.execute(DROP_ITEM, [item_id])
    times = {"at_time": timestamp(now_us), "expires_time": timestamp(now_us + CLAIM_US)}
    cursor.insert("review_claims", item_id=item_id, queue_id=queue_id, reviewer=reviewer, **times)
    return now_us + CLAIM_US


def renew(cursor: Cursor, item_id: str, *, reviewer: str, now_us: int) -> int:
    """Extend the claim to ten minutes from now; returns when it ends."""
    cursor.execute(RENEW, [timestamp(now_us + CLAIM_US), item_id, reviewer])
    return now_us + CLAIM_US


def release(cursor: Cursor, item_id: str) -> None:
    cursor.execute(DROP_ITEM, [item_id])


def holder(cursor: Cursor, item_id: str) -> Claim | None:
    """The current or last holder of the item, whether or not the claim has expired."""
    queue_id = cursor.value(QUEUE_OF, [item_id])
    if queue_id is None:
        raise NotFound(f"reviews: there is no item with the id {item_id!r}", code="item_not_found")
    found = cursor.execute(HOLDER, [item_id]).fetchone()
    return Claim(queue_id, str(found[0]), *map(microseconds, found[1:])) if found else None


def require_holder(cursor: Cursor, item_id: str, reviewer: str) -> Claim:
    """This reviewer's claim, which stays valid after its end until another reviewer takes the item.

    Raises `NotFound` if there is no such item, and `Conflict` if the claim is lost or the queue is closed.
    """
    found = holder(cursor, item_id)
    if found is not None and found.reviewer == reviewer:
        require_open(cursor, found.queue_id)
        return found
    require_open(cursor, cursor.value(QUEUE_OF, [item_id]))
    if found is None and cursor.value(VOTED, [item_id, reviewer]):
        raise Conflict("you have already judged this pair; use undo to judge it again", code="already_judged")
    raise Conflict(
        "this pair is no longer yours: it was unchanged for ten minutes and another reviewer has it now",
        code="claim_lost",
    )


DROP = "DELETE FROM review_drafts WHERE item_id = ? AND reviewer = ?"
ONE = "SELECT draft FROM review_drafts WHERE item_id = $1 AND reviewer = $2"


def save(database: Database, item_id: str, draft: Draft, *, reviewer: str, now_us: int) -> int:
    """Replace the draft and renew the claim; returns when the claim ends.

    Raises `NotFound`, and `Conflict` if the reviewer no longer holds the item; nothing is changed then.
    """
    with database.transaction() as cursor:
        claim = require_holder(cursor, item_id, reviewer)
        put(cursor, claim.queue_id, item_id, draft=draft, reviewer=reviewer, now_us=now_us)
        return renew(cursor, item_id, reviewer=reviewer, now_us=now_us)


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
