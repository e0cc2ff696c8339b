"""Feedback as it came, newest first."""

from __future__ import annotations

from fairtrial.store.query import Page, Query

LIST = """
SELECT feedback_id, at_time, key, request_id, unit, boolean, number, category, comment, correction, idempotency_key
FROM feedback
WHERE at_time >= $1 AND at_time < $2 AND ($3 IS NULL OR key = $3)
ORDER BY at_time DESC, feedback_id DESC
LIMIT $4 OFFSET $5
"""


def listing(page: Page, *, key: str | None = None) -> Query:
    """Feedback of a window."""
    return Query(LIST, (page.since, page.until, key, page.rows, page.offset))
