"""Stores votes, which are only ever added: an undone vote is marked as such and stays."""

from __future__ import annotations

import secrets
from typing import Any

from fairtrial.domain.errors import BadRequest, Conflict
from fairtrial.domain.review import (
    ARMS,
    DIMENSIONS,
    SIDES,
    Arm,
    Draft,
    Next,
    Progress,
    arm_of,
    arm_on_the_left,
    blind,
    missing,
    side_of,
    unblind,
)
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.reviews import assignment
from fairtrial.store.reviews.queues import require_open

ID_BYTES = 12
UNDO_AT_MOST = 10
US = 1_000_000

LAST_TEN = """
SELECT vote_id, item_id, left_arm, preference, comment, edited_candidate, edited_baseline, flagged,
    vote_id IN (SELECT vote_id FROM review_undone)
FROM review_votes
WHERE queue_id = $1 AND reviewer = $2
ORDER BY at_time DESC, rowid DESC
LIMIT $3
"""
RATINGS = "SELECT arm, dimension, value FROM review_ratings WHERE vote_id = $1"


def submit(database: Database, item_id: str, draft: Draft, *, reviewer: str, name: str, now_us: int) -> Progress:
    """Submit the draft as a vote and release the item.

    Raises `BadRequest` with what is missing, `NotFound`, and `Conflict` if the reviewer no longer holds the item;
    nothing is changed then.
    """
    lacking = missing(draft)
    if lacking is not None:
        raise BadRequest(lacking)
    with database.transaction() as cursor:
        claim = assignment.require_holder(cursor, item_id, reviewer)
        seconds = max(0, now_us - claim.since_us) / US
        left = arm_on_the_left(cursor.value(assignment.SECRET, [claim.queue_id]), reviewer, item_id)
        of = {"item_id": item_id, "queue_id": claim.queue_id, "reviewer": reviewer, "reviewer_name": name}
        _insert(cursor, of | {"at_time": timestamp(now_us), "seconds": seconds}, draft, left)
        _put_down(cursor, item_id, reviewer)
        return assignment.progress(cursor, claim.queue_id, reviewer)


def skip(database: Database, item_id: str, reason: str, *, reviewer: str, now_us: int) -> Progress:
    """Skip the item, which stays available to other reviewers. Raises the errors of `submit`."""
    with database.transaction() as cursor:
        claim = assignment.require_holder(cursor, item_id, reviewer)
        of = {"item_id": item_id, "queue_id": claim.queue_id, "reviewer": reviewer}
        cursor.insert("review_skips", **of, at_time=timestamp(now_us), reason=reason)
        _put_down(cursor, item_id, reviewer)
        return assignment.progress(cursor, claim.queue_id, reviewer)


def undo(database: Database, queue_id: str, *, reviewer: str, now_us: int) -> Next:
    """Undo the latest vote: its item is claimed again, with the vote as the draft. Up to ten votes can be undone.

    Raises `NotFound`, and `Conflict` if there is no vote to undo, another reviewer has the item, or the queue is
    closed.
    """
    with database.transaction() as cursor:
        require_open(cursor, queue_id)
        votes = cursor.execute(LAST_TEN, [queue_id, reviewer, UNDO_AT_MOST]).fetchall()
        standing = next((vote for vote in votes if not vote[-1]), None)
        if standing is None:
            raise Conflict(f"there is no vote of yours here to undo (the last {UNDO_AT_MOST} can be)", code="no_vote")
        vote_id, item_id, left = standing[:3]
        held = assignment.holder(cursor, item_id)
        if held is not None and held.reviewer != reviewer and held.expires_us > now_us:
            raise Conflict("another reviewer is judging that pair now; undo again in a few minutes", code="claim_lost")
        cursor.insert("review_undone", vote_id=vote_id, at_time=timestamp(now_us))
        draft = _draft_of(cursor, standing, left)
        assignment.put(cursor, queue_id, item_id, draft=draft, reviewer=reviewer, now_us=now_us)
        item = assignment.claim_item(cursor, queue_id, item_id, reviewer=reviewer, now_us=now_us)
        return Next(item, assignment.progress(cursor, queue_id, reviewer), 0)


def _insert(cursor: Cursor, of: dict[str, Any], draft: Draft, left: Arm) -> None:
    assert draft.outcome is not None
    vote_id = secrets.token_hex(ID_BYTES)
    cursor.insert(
        "review_votes",
        vote_id=vote_id,
        **of,
        left_arm=left,
        preference=unblind(draft.outcome, left),
        comment=draft.comment.strip(),
        **{f"edited_{arm}": draft.edited.get(side_of(arm, left)) for arm in ARMS},
        flagged=draft.flagged,
    )
    for side in SIDES:
        for dimension, value in draft.ratings.get(side, {}).items():
            if value is not None:
                cursor.insert(
                    "review_ratings", vote_id=vote_id, arm=arm_of(side, left), dimension=dimension, value=value
                )


def _draft_of(cursor: Cursor, vote: tuple[Any, ...], left: Arm) -> Draft:
    """The vote as a draft, with left and right as the reviewer saw them."""
    vote_id, _, _, preference, comment, edited_candidate, edited_baseline, flagged, _ = vote
    ratings: dict[Any, dict[Any, int | None]] = {side: dict.fromkeys(DIMENSIONS) for side in SIDES}
    for arm, dimension, value in cursor.execute(RATINGS, [vote_id]).fetchall():
        ratings[side_of(arm, left)][dimension] = value
    edited = {side_of("candidate", left): edited_candidate, side_of("baseline", left): edited_baseline}
    return Draft(blind(preference, left), ratings, comment, edited, flagged)


def _put_down(cursor: Cursor, item_id: str, reviewer: str) -> None:
    assignment.release(cursor, item_id)
    assignment.drop(cursor, item_id, reviewer)
