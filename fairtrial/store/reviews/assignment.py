"""Assigns items to reviewers: lists the queues open to one, claims an item, and stores its draft."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from fairtrial.api.review_answers import OfferedQueue, OwnProgress, QueueState
from fairtrial.domain.errors import Conflict, NotFound
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.masking import mask
from fairtrial.domain.promises import CLAIM_US
from fairtrial.domain.review import Draft, Next, Progress, ShownItem, arm_on_the_left, side_of
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.reviews.queues import require_open

OPEN_TO_ME = """
WITH live AS (
    SELECT item_id, count(*) AS votes, bool_or(reviewer = $2) AS mine
    FROM review_votes
    WHERE queue_id = $1 AND vote_id NOT IN (SELECT vote_id FROM review_undone)
    GROUP BY item_id
)
SELECT i.item_id, coalesce(v.votes, 0) AS votes, c.reviewer AS holder,
    EXISTS (SELECT 1 FROM review_drafts d WHERE d.item_id = i.item_id AND d.reviewer = $2) AS drafted
FROM review_items i
LEFT JOIN live v ON v.item_id = i.item_id
LEFT JOIN review_claims c ON c.item_id = i.item_id AND c.expires_time > $3
WHERE i.queue_id = $1 AND coalesce(v.votes, 0) < i.wants AND NOT coalesce(v.mine, FALSE)
    AND NOT EXISTS (SELECT 1 FROM review_skips s WHERE s.item_id = i.item_id AND s.reviewer = $2)
"""
PROGRESS = """
WITH live AS (
    SELECT item_id, reviewer FROM review_votes
    WHERE queue_id = $1 AND vote_id NOT IN (SELECT vote_id FROM review_undone)
)
SELECT (SELECT count(DISTINCT item_id) FROM live),
    (SELECT count(*) FROM review_items WHERE queue_id = $1 AND wants > 0),
    (SELECT count(DISTINCT item_id) FROM live WHERE reviewer = $2)
"""
ITEM = """
SELECT i.asked, i.reference, i.candidate_output, i.baseline_output, q.names, q.secret
FROM review_items i JOIN review_queues q ON q.queue_id = i.queue_id
WHERE i.item_id = $1
"""
SECRET = "SELECT secret FROM review_queues WHERE queue_id = $1"  # noqa: S105 - a query, not a secret
QUEUES = """
SELECT queue_id, title, if(closed_time IS NULL, 'open', 'closed') AS state,
    (SELECT count(*) FROM review_items i WHERE i.queue_id = q.queue_id AND i.wants > 0) AS items,
    (SELECT count(*) FROM review_items i WHERE i.queue_id = q.queue_id AND i.wants = 0) AS equal,
    (SELECT count(DISTINCT item_id) FROM review_skips s WHERE s.queue_id = q.queue_id AND s.reviewer = $1) AS skipped
FROM review_queues q
ORDER BY closed_time IS NOT NULL, at_time, queue_id
LIMIT 1000
"""

QUEUE_OF = "SELECT queue_id FROM review_items WHERE item_id = $1"
HOLDER = "SELECT reviewer, at_time, expires_time FROM review_claims WHERE item_id = $1"
VOTED = """
SELECT count(*) FROM review_votes
WHERE item_id = $1 AND reviewer = $2 AND vote_id NOT IN (SELECT vote_id FROM review_undone)
"""
DROP_ITEM = "DELETE FROM review_claims WHERE item_id = ?"
DROP_MINE = "DELETE FROM review_claims WHERE queue_id = ? AND reviewer = ?"
RENEW = "UPDATE review_claims SET expires_time = ? WHERE item_id = ? AND reviewer = ?"
DROP = "DELETE FROM review_drafts WHERE item_id = ? AND reviewer = ?"
ONE = "SELECT draft FROM review_drafts WHERE item_id = $1 AND reviewer = $2"


@dataclass(frozen=True, slots=True)
class _Open:
    """An item that this reviewer may still judge; ``holder`` has an active claim on it."""

    item_id: str
    votes: int
    holder: str | None
    drafted: bool


def queues_of(database: Database, reviewer: str, *, now_us: int) -> list[OfferedQueue]:
    """The queues open to this reviewer: titles and counts, without names, models or runs; open ones first."""

    def offered(queue_id: str, state: QueueState, skipped: int, **counts: Any) -> OfferedQueue:
        with database.read_cursor() as cursor:
            left = len(_open_to(cursor, queue_id, reviewer, now_us=now_us)) if state == "open" else 0
            mine = OwnProgress(done=progress(cursor, queue_id, reviewer).mine_done, skipped=skipped)
        return OfferedQueue(queue_id=queue_id, state=state, mine=mine, left=left, **counts)

    return database.values(offered, QUEUES, (reviewer,))


def next_item(database: Database, queue_id: str, reviewer: str, *, now_us: int) -> Next:
    """Claim the next item, or return the claimed one with its draft, in one transaction.

    An item with the reviewer's own draft comes first, then those with the fewest votes, then by a shuffle that differs
    between reviewers. Raises `NotFound`, and `Conflict` if the queue is closed.
    """
    with database.transaction() as cursor:
        require_open(cursor, queue_id)
        items = _open_to(cursor, queue_id, reviewer, now_us=now_us)
        mine = [candidate for candidate in items if candidate.holder in (None, reviewer)]
        item = None
        if mine:
            secret = cursor.value(SECRET, [queue_id])
            chosen = min(mine, key=lambda candidate: _place(candidate, secret, reviewer)).item_id
            item = claim_item(cursor, queue_id, chosen, reviewer=reviewer, now_us=now_us)
        return Next(item, progress(cursor, queue_id, reviewer), len(items) - len(mine))


def claim_item(cursor: Cursor, queue_id: str, item_id: str, *, reviewer: str, now_us: int) -> ShownItem:
    """Claim the item within the caller's transaction; returns it as this reviewer sees it."""
    held = holder(cursor, item_id)
    if held is not None and held.reviewer == reviewer and held.expires_us > now_us:
        expires_us = renew(cursor, item_id, reviewer=reviewer, now_us=now_us)
    else:
        expires_us = take(cursor, queue_id, item_id, reviewer=reviewer, now_us=now_us)
    return _shown(cursor, item_id, reviewer, expires_us)


def progress(cursor: Cursor, queue_id: str, reviewer: str) -> Progress:
    """The progress of the queue, and of this reviewer in it."""
    counts = cursor.execute(PROGRESS, [queue_id, reviewer]).fetchone()
    return Progress(*map(int, counts or (0, 0, 0)))


def _open_to(cursor: Cursor, queue_id: str, reviewer: str, *, now_us: int) -> list[_Open]:
    return cursor.values(_Open, OPEN_TO_ME, [queue_id, reviewer, timestamp(now_us)])


def _place(item: _Open, secret: str, reviewer: str) -> tuple[bool, bool, int, bytes]:
    """Claimed items first, then those with a draft, then the fewest votes, then a shuffle that differs by reviewer."""
    shuffled = hashlib.sha256("\0".join(("order", secret, reviewer, item.item_id)).encode()).digest()
    return item.holder is None, not item.drafted, item.votes, shuffled


def _shown(cursor: Cursor, item_id: str, reviewer: str, expires_us: int) -> ShownItem:
    row = cursor.execute(ITEM, [item_id]).fetchone()
    assert row is not None
    question, reference, candidate, baseline, names, secret = row
    left = arm_on_the_left(secret, reviewer, item_id)
    texts = {side_of("candidate", left): mask(candidate, names), side_of("baseline", left): mask(baseline, names)}
    return ShownItem(
        item_id=item_id,
        prompt=tuple(json.loads(question)),
        reference=reference,
        answers={"left": texts["left"][0], "right": texts["right"][0]},
        draft=read(cursor, item_id, reviewer),
        expires_us=expires_us,
        masked=texts["left"][1] or texts["right"][1],
    )


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
    row = cursor.execute(HOLDER, [item_id]).fetchone()
    return Claim(queue_id, str(row[0]), *map(microseconds, row[1:])) if row else None


def require_holder(cursor: Cursor, item_id: str, reviewer: str) -> Claim:
    """This reviewer's claim, which stays valid after its end until another reviewer takes the item.

    Raises `NotFound` if there is no such item, and `Conflict` if the claim is lost or the queue is closed.
    """
    name = holder(cursor, item_id)
    if name is not None and name.reviewer == reviewer:
        require_open(cursor, name.queue_id)
        return name
    require_open(cursor, cursor.value(QUEUE_OF, [item_id]))
    if name is None and cursor.value(VOTED, [item_id, reviewer]):
        raise Conflict("you have already judged this pair; use undo to judge it again", code="already_judged")
    raise Conflict(
        "this pair is no longer yours: it was unchanged for ten minutes and another reviewer has it now",
        code="claim_lost",
    )


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
