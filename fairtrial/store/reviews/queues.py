"""Creates review queues, filled once by a rule that is stored with them; lists and closes them."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from msgspec.structs import asdict

from fairtrial.api.review_answers import QueueDetails, QueueReviewer, QueueRow
from fairtrial.domain.errors import Conflict, NotFound
from fairtrial.domain.review import Pair
from fairtrial.store.access import audit
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp

ID_BYTES = 12
SECRET_BYTES = 16

INSERT_ITEMS = """
INSERT INTO review_items (item_id, queue_id, case_id, cluster, unit, asked, reference, candidate_output,
    baseline_output, probability, wants)
SELECT unnest($1), unnest($2), unnest($3), unnest($4), unnest($5), unnest($6), unnest($7), unnest($8), unnest($9),
    unnest($10), unnest($11)
"""
"""One statement with a list for each column, because inserting row by row would block other writers for long."""

DETAILS = """
WITH live AS (
    SELECT queue_id, item_id FROM review_votes WHERE vote_id NOT IN (SELECT vote_id FROM review_undone)
), given AS (
    SELECT item_id, count(*) AS votes FROM live GROUP BY item_id
)
SELECT queue_id, at_time, title, if(closed_time IS NULL, 'open', 'closed') AS state, suite, suite_digest, candidate,
    baseline, candidate_digest, baseline_digest, candidate_run, baseline_run, created_by, closed_time, closed_by,
    rule AS sampling_json,
    (SELECT count(*) FROM review_items i WHERE i.queue_id = q.queue_id AND i.wants > 0) AS items,
    (SELECT count(*) FROM review_items i WHERE i.queue_id = q.queue_id AND i.wants = 0) AS equal,
    (SELECT count(*) FROM live v WHERE v.queue_id = q.queue_id) AS votes,
    (SELECT count(DISTINCT item_id) FROM live v WHERE v.queue_id = q.queue_id) AS judged,
    (SELECT count(*) FROM review_items i JOIN given USING (item_id)
        WHERE i.queue_id = q.queue_id AND given.votes < i.wants) AS waiting
FROM review_queues q
WHERE $1 IS NULL OR queue_id = $1
ORDER BY at_time DESC, queue_id
LIMIT $2
"""
REVIEWERS = """
WITH live AS (
    SELECT reviewer, reviewer_name, seconds FROM review_votes
    WHERE queue_id = $1 AND vote_id NOT IN (SELECT vote_id FROM review_undone)
), passed AS (
    SELECT reviewer, count(DISTINCT item_id) AS skipped FROM review_skips WHERE queue_id = $1 GROUP BY reviewer
)
SELECT coalesce(v.reviewer, s.reviewer) AS account_id, coalesce(v.name, '') AS name, coalesce(v.votes, 0) AS votes,
    coalesce(s.skipped, 0) AS skipped, v.median_seconds
FROM (
    SELECT reviewer, max(reviewer_name) AS name, count(*) AS votes, median(seconds) AS median_seconds
    FROM live GROUP BY reviewer
) v FULL JOIN passed s ON v.reviewer = s.reviewer
ORDER BY votes DESC, account_id
"""
COUNTS = """
SELECT preference, count(*) FROM review_votes
WHERE queue_id = $1 AND vote_id NOT IN (SELECT vote_id FROM review_undone)
GROUP BY preference ORDER BY preference
"""
STATE = "SELECT closed_time IS NULL FROM review_queues WHERE queue_id = $1"
CLOSE = "UPDATE review_queues SET closed_time = ?, closed_by = ? WHERE queue_id = ?"
RELEASE_ALL = "DELETE FROM review_claims WHERE queue_id = ?"


@dataclass(frozen=True, slots=True)
class NewQueue:
    """A queue without an id.

    ``names``: what the reviewers must never read; ``rule``: how its items were sampled, enough to repeat it.
    """

    title: str
    suite: str
    suite_digest: str
    candidate: str
    baseline: str
    candidate_digest: str
    baseline_digest: str
    candidate_run: str
    baseline_run: str
    names: Sequence[str] = ()
    rule: Mapping[str, Any] = field(default_factory=dict)
    created_by: str = ""


def create(database: Database, queue: NewQueue, pairs: Sequence[Pair], *, now_us: int) -> str:
    """Store a queue with all its items or none; returns its id. Ids are random and do not reveal the order."""
    queue_id = secrets.token_hex(ID_BYTES)
    row = {field.name: getattr(queue, field.name) for field in fields(queue)}
    row |= {"at_time": timestamp(now_us), "names": list(queue.names), "rule": json.dumps(dict(queue.rule))}
    with database.transaction() as cursor:
        cursor.insert("review_queues", queue_id=queue_id, secret=secrets.token_hex(SECRET_BYTES), **row)
        if pairs:
            cursor.execute(
                INSERT_ITEMS,
                [list(column) for column in zip(*[_item_row(queue_id, pair) for pair in pairs], strict=True)],
            )
        judged, by = sum(pair.wants > 0 for pair in pairs), queue.created_by
        details = {"suite": queue.suite, "candidate": queue.candidate, "baseline": queue.baseline, "items": judged}
        audit.append(cursor, now_us=now_us, actor=by, action="review.enqueue", subject=queue_id, details=details)
    return queue_id


def _item_row(queue_id: str, pair: Pair) -> list[Any]:
    messages = json.dumps([dict(message) for message in pair.asked], ensure_ascii=False)
    head = [secrets.token_hex(ID_BYTES), queue_id, pair.case_id, pair.cluster, pair.unit, messages, pair.reference]
    return [*head, pair.candidate, pair.baseline, pair.probability, pair.wants]


def list_details(database: Database, *, limit: int = 1000) -> list[QueueRow]:
    """Every queue as a release manager sees it, newest first."""
    return database.values(QueueRow, DETAILS, (None, limit))


def details(database: Database, queue_id: str) -> QueueDetails:
    """One queue with its reviewers, for a release manager; raises `NotFound`.

    The preferences are included only once the queue is closed, because an early look would bias the decision.
    """
    queues = database.values(QueueRow, DETAILS, (queue_id, 1))
    if not queues:
        raise no_queue(queue_id)
    return QueueDetails(
        **asdict(queues[0]),
        reviewers=database.values(QueueReviewer, REVIEWERS, (queue_id,)),
        preferences=dict(database.rows(COUNTS, (queue_id,))) if queues[0].state == "closed" else None,
    )


def close(database: Database, queue_id: str, *, by: str, now_us: int) -> None:
    """Close a queue permanently. Raises `NotFound`, and `Conflict` if it is already closed."""
    with database.transaction() as cursor:
        require_open(cursor, queue_id)
        cursor.execute(CLOSE, [timestamp(now_us), by, queue_id])
        cursor.execute(RELEASE_ALL, [queue_id])
        audit.append(cursor, now_us=now_us, actor=by, action="review.close", subject=queue_id)


def require_open(cursor: Cursor, queue_id: str) -> None:
    """Raise `NotFound` if there is no such queue, and `Conflict` if it is closed."""
    is_open = cursor.value(STATE, [queue_id])
    if is_open is None:
        raise no_queue(queue_id)
    if not is_open:
        raise Conflict("this review is closed: nothing can be added to it", code="queue_closed")


def no_queue(queue_id: str) -> NotFound:
    return NotFound(f"reviews: there is no queue with the id {queue_id!r}", code="queue_not_found")
