"""Lists feedback, newest first, and counts how much of it belongs to a known request or unit."""

from __future__ import annotations

from fairtrial.store.core.query import Page, Position, Query, after

LIST = """
SELECT feedback_id, at_time, key, request_id, response_id, unit, boolean, number, category, comment, correction,
    idempotency_key, key_id, attribution, subject, experiments
FROM feedback
WHERE at_time >= $1 AND at_time < $2 AND (at_time < $7 OR feedback_id < $8)
    AND ($3 IS NULL OR key = $3) AND ($4 IS NULL OR attribution = $4)
ORDER BY at_time DESC, feedback_id DESC
LIMIT $5 OFFSET $6
"""

ATTRIBUTIONS = """
SELECT attribution, key, count(*) AS feedback
FROM feedback
WHERE at_time >= $1 AND at_time < $2 AND attribution IS NOT NULL
GROUP BY attribution, key
ORDER BY attribution, feedback DESC, key
LIMIT $3 OFFSET $4
"""


def listing(
    page: Page, *, key: str | None = None, attribution: str | None = None, position: Position | None = None
) -> Query:
    """Feedback of a time window, after ``position``; ``subject`` is the request that it was attributed to."""
    left, last = after(position, page)
    return Query(LIST, (left.since, left.until, key, attribution, page.rows, page.offset, *last))


def attributions(page: Page) -> Query:
    """How many values of each key were attributed to a request or a unit, are ambiguous, or match nothing."""
    return Query(ATTRIBUTIONS, (page.since, page.until, page.rows, page.offset))
