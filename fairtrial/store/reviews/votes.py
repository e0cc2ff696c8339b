"""Stores votes, which are only ever added, and reads them by model, for a gate and for the export of a queue."""

import json
import secrets
from collections import defaultdict
from dataclasses import replace
from typing import Any

from msgspec import convert

from fairtrial.api.review_answers import ExportedVote, PairVote, ReviewedPair
from fairtrial.domain import review
from fairtrial.domain.errors import BadRequest, Conflict
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import Query, timestamp
from fairtrial.store.erasure.rows import ERASED
from fairtrial.store.maintenance.retention import REMOVED
from fairtrial.store.reviews import assignment
from fairtrial.store.reviews.queues import details, require_open

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
QUEUES = """
WITH standing AS (
    SELECT item_id, count(*) AS votes FROM review_votes
    WHERE vote_id NOT IN (SELECT vote_id FROM review_undone) GROUP BY item_id
), people AS (
    SELECT item_id, count(DISTINCT reviewer) AS voted FROM review_votes GROUP BY item_id
)
SELECT q.queue_id, q.title, if(q.closed_time IS NULL, 'open', 'closed') AS state, q.suite, q.suite_digest,
    q.candidate, q.baseline, q.candidate_digest, q.baseline_digest,
    (SELECT count(*) FROM review_items i WHERE i.queue_id = q.queue_id AND i.wants > 0) AS items,
    (
        SELECT coalesce(list(i.cluster ORDER BY i.rowid), []) FROM review_items i
        WHERE i.queue_id = q.queue_id AND i.wants = 0
    ) AS equal,
    (
        SELECT count(*) FROM review_items i JOIN people p ON p.item_id = i.item_id
        WHERE i.queue_id = q.queue_id AND p.voted >= i.wants
    ) AS settled,
    (
        SELECT count(*) FROM review_items i LEFT JOIN standing s ON s.item_id = i.item_id
        WHERE i.queue_id = q.queue_id AND i.wants > coalesce(s.votes, 0)
    ) AS awaited
FROM review_queues q
WHERE q.candidate = $1 AND q.baseline = $2
ORDER BY q.at_time, q.queue_id
"""
"""An undone vote settled its pair too: a result that could once be read can't be hidden by an undo."""
NO_TEXT = f"('{ERASED}', {REMOVED})"
"""The placeholder for a removed answer, whose length means nothing."""
VOTES = f"""
SELECT v.vote_id, v.item_id, i.cluster, v.reviewer, v.preference, i.probability, v.left_arm AS left,
    CASE WHEN i.candidate_output NOT IN {NO_TEXT} THEN length(i.candidate_output) - length(i.baseline_output) END
    AS longer, v.reviewer_name AS name
FROM review_votes v JOIN review_items i ON i.item_id = v.item_id
WHERE v.queue_id = $1 AND v.vote_id NOT IN (SELECT vote_id FROM review_undone)
ORDER BY v.at_time, v.rowid
"""  # noqa: S608 - ours
RATINGS_BY_MODEL = """
SELECT r.vote_id, r.arm, r.dimension, r.value
FROM review_ratings r JOIN review_votes v ON v.vote_id = r.vote_id
WHERE v.queue_id = $1
"""
ROWS = """
SELECT q.queue_id, q.suite, q.candidate, q.baseline, q.candidate_run, q.baseline_run, q.candidate_digest,
    q.baseline_digest, i.item_id, i.case_id, i.cluster, i.asked, i.reference, i.candidate_output, i.baseline_output,
    i.probability, v.vote_id, sha256(q.secret || v.reviewer) AS reviewer, v.at_time, v.left_arm,
    if(i.wants = 0, 'tie', v.preference) AS preference, v.comment, v.edited_candidate, v.edited_baseline, v.flagged,
    v.seconds, i.wants = 0 AS equal_answers
FROM review_items i
JOIN review_queues q ON q.queue_id = i.queue_id
LEFT JOIN review_votes v ON v.item_id = i.item_id AND v.vote_id NOT IN (SELECT vote_id FROM review_undone)
WHERE i.queue_id = $1 AND (i.wants = 0 OR v.vote_id IS NOT NULL)
ORDER BY v.at_time, v.rowid, i.rowid
"""
"""A pair with equal answers has one row, the tie that nobody voted."""
PAIRS = f"""
SELECT q.queue_id, q.suite, q.candidate, q.baseline, q.candidate_run, q.baseline_run, i.item_id, i.case_id, i.cluster,
    sha256(q.secret || coalesce(i.unit, r.unit)) AS unit, i.asked AS asked_json, i.candidate_output,
    i.baseline_output, i.probability, i.wants = 0 AS equal_answers,
    i.asked <> '[]' AND i.candidate_output NOT IN {NO_TEXT} AND i.baseline_output NOT IN {NO_TEXT} AS has_texts,
    (SELECT count(*) FROM review_skips s WHERE s.item_id = i.item_id) AS skips,
    new.request_id AS candidate_request, old.request_id AS baseline_request
FROM review_items i
JOIN review_queues q ON q.queue_id = i.queue_id
LEFT JOIN results new ON new.run_id = q.candidate_run AND new.case_id = i.case_id AND new.repeat = 0
LEFT JOIN results old ON old.run_id = q.baseline_run AND old.case_id = i.case_id AND old.repeat = 0
LEFT JOIN requests r ON r.request_id = i.case_id
WHERE i.queue_id = $1
ORDER BY i.rowid
"""  # noqa: S608 - ours
"""A case of a suite from traffic has the id of its request, whose unit is known."""
Ratings = dict[str, dict[review.Arm, dict[review.Dimension, int]]]


def submit(
    database: Database, item_id: str, draft: review.Draft, *, reviewer: str, name: str, now_us: int
) -> review.Progress:
    """Submit the draft as a vote and release the item.

    Raises `BadRequest` with what is missing, `NotFound`, and `Conflict` if the reviewer no longer holds the item;
    nothing is changed then.
    """
    lacking = review.missing(draft)
    if lacking is not None:
        raise BadRequest(lacking)
    with database.transaction() as cursor:
        claim = assignment.require_holder(cursor, item_id, reviewer)
        seconds = max(0, now_us - claim.since_us) / US
        left = review.arm_on_the_left(cursor.value(assignment.SECRET, [claim.queue_id]), reviewer, item_id)
        of = {"item_id": item_id, "queue_id": claim.queue_id, "reviewer": reviewer, "reviewer_name": name}
        _insert(cursor, of | {"at_time": timestamp(now_us), "seconds": seconds}, draft, left)
        _put_down(cursor, item_id, reviewer)
        return assignment.progress(cursor, claim.queue_id, reviewer)


def skip(database: Database, item_id: str, reason: str, *, reviewer: str, now_us: int) -> review.Progress:
    """Skip the item, which stays available to other reviewers. Raises the errors of `submit`."""
    with database.transaction() as cursor:
        claim = assignment.require_holder(cursor, item_id, reviewer)
        of = {"item_id": item_id, "queue_id": claim.queue_id, "reviewer": reviewer}
        cursor.insert("review_skips", **of, at_time=timestamp(now_us), reason=reason)
        _put_down(cursor, item_id, reviewer)
        return assignment.progress(cursor, claim.queue_id, reviewer)


def undo(database: Database, queue_id: str, *, reviewer: str, now_us: int) -> review.Next:
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
        return review.Next(item, assignment.progress(cursor, queue_id, reviewer), 0)


def _insert(cursor: Cursor, of: dict[str, Any], draft: review.Draft, left: review.Arm) -> None:
    assert draft.outcome is not None
    vote_id = secrets.token_hex(ID_BYTES)
    cursor.insert(
        "review_votes",
        vote_id=vote_id,
        **of,
        left_arm=left,
        preference=review.unblind(draft.outcome, left),
        comment=draft.comment.strip(),
        **{f"edited_{arm}": draft.edited.get(review.side_of(arm, left)) for arm in review.ARMS},
        flagged=draft.flagged,
    )
    for side in review.SIDES:
        for dimension, value in draft.ratings.get(side, {}).items():
            if value is not None:
                cursor.insert(
                    "review_ratings", vote_id=vote_id, arm=review.arm_of(side, left), dimension=dimension, value=value
                )


def _draft_of(cursor: Cursor, vote: tuple[Any, ...], left: review.Arm) -> review.Draft:
    """The vote as a draft, with left and right as the reviewer saw them."""
    vote_id, _, _, preference, comment, edited_candidate, edited_baseline, flagged, _ = vote
    ratings: dict[Any, dict[Any, int | None]] = {side: dict.fromkeys(review.DIMENSIONS) for side in review.SIDES}
    for arm, dimension, value in cursor.execute(RATINGS, [vote_id]).fetchall():
        ratings[review.side_of(arm, left)][dimension] = value
    edited = {review.side_of("candidate", left): edited_candidate, review.side_of("baseline", left): edited_baseline}
    return review.Draft(review.blind(preference, left), ratings, comment, edited, flagged)


def _put_down(cursor: Cursor, item_id: str, reviewer: str) -> None:
    assignment.release(cursor, item_id)
    assignment.drop(cursor, item_id, reviewer)


def read_evidence(database: Database, candidate: str, baseline: str) -> review.ReviewEvidence:
    """Every queue of these two targets, oldest first, with the valid votes once they may be read."""
    return tuple(_queue(database, row) for row in database.dicts(Query(QUEUES, (candidate, baseline))))


def export_rows(database: Database, queue_id: str) -> list[ExportedVote]:
    """One row for each vote and each equal pair, with models and hashed reviewers.

    Raises `NotFound`, and `Conflict` while the queue is open.
    """
    if details(database, queue_id).state == "open":
        raise Conflict("an open queue is not exported, because its votes would reveal the models (close it first)")
    ratings = _ratings(database, queue_id)
    votes = database.dicts(Query(ROWS, (queue_id,)))
    rows = [row | {"asked": json.loads(row["asked"]), "ratings": ratings.get(row["vote_id"], {})} for row in votes]
    return convert(rows, list[ExportedVote])


def export_pairs(database: Database, queue_id: str) -> list[ReviewedPair]:
    """One row for each pair with its votes, also for one without votes; raises the errors of `export_rows`."""
    votes: dict[str, list[PairVote]] = defaultdict(list)
    for row in export_rows(database, queue_id):
        if row.vote_id is not None:
            votes[row.item_id].append(convert(row, PairVote, from_attributes=True))

    def pair(item_id: str, **columns: Any) -> ReviewedPair:
        return ReviewedPair(item_id=item_id, votes=votes[item_id], **columns)

    return database.values(pair, PAIRS, (queue_id,))


def _queue(database: Database, row: dict[str, Any]) -> review.ReviewedQueue:
    queue_id = row["queue_id"]
    bare = review.ReviewedQueue(**(row | {"equal": tuple(row["equal"])}), votes=())
    if not bare.readable:
        return bare
    ratings = _ratings(database, queue_id)

    def vote(vote_id: str, **shown: Any) -> review.Vote:
        return review.Vote(ratings=ratings.get(vote_id, {}), **shown)

    return replace(bare, votes=tuple(database.values(vote, VOTES, (queue_id,))))


def _ratings(database: Database, queue_id: str) -> Ratings:
    ratings: Ratings = defaultdict(lambda: {"candidate": {}, "baseline": {}})
    for vote_id, arm, dimension, value in database.rows(RATINGS_BY_MODEL, (queue_id,)):
        ratings[vote_id][arm][dimension] = value
    return dict(ratings)
