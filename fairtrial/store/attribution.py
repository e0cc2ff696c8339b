"""Finds the request or unit that each feedback is about, once its requests are in the store.

A response id can be shared by several requests. It names one only if exactly one earlier request of the same API key
has it; otherwise the feedback is *ambiguous*, stays in the store, and counts in no figure. Journals of several workers
arrive in any order, so a feedback is looked at again while requests that began before it may still arrive.

The column ``attribution`` says what was found. ``request`` and ``unit`` count in the figures, ``ambiguous`` does not,
and neither do the four kinds of *unmatched* feedback: ``unknown_request``, ``unknown_unit``, ``other_route`` (the key
is bound to other routes) and ``undeclared_key`` (no metric of the file reads it).
"""

from __future__ import annotations

from fairtrial.store.database import Database
from fairtrial.store.query import at

PENDING = """
CREATE OR REPLACE TEMP TABLE pending AS
SELECT feedback_id, at_time, key_id, coalesce(routes, []) AS routes, coalesce(declared, true) AS declared, request_id,
    coalesce(response_id, request_id) AS response_id, unit
FROM feedback
WHERE attribution IS NULL
    OR (at_time >= $1 AND (attribution IN ('unit', 'unknown_request', 'unknown_unit', 'other_route')
        OR (attribution = 'request' AND subject IS DISTINCT FROM request_id)))
"""
"""New feedback, and what requests that arrive late can still change; ``$1`` is when the first of those began."""

COUNT = "SELECT count(*) FROM temp.pending"

RESOLVE = """
WITH by_request AS (
    SELECT p.feedback_id, r.request_id, r.route, r.experiment
    FROM temp.pending p JOIN requests r ON r.request_id = p.request_id
    WHERE p.declared
), by_response AS (
    SELECT p.feedback_id, count(*) AS candidates, any_value(r.request_id) AS request_id, any_value(r.route) AS route,
        list_distinct(list(r.experiment)) AS experiments
    FROM temp.pending p JOIN requests r
        ON r.response_id = p.response_id AND r.key_id IS NOT DISTINCT FROM p.key_id AND r.at_time <= p.at_time
    WHERE p.declared AND p.feedback_id NOT IN (SELECT feedback_id FROM by_request)
    GROUP BY p.feedback_id
), about_units AS (
    SELECT * FROM temp.pending WHERE declared AND unit IS NOT NULL
), seen AS (
    SELECT u.feedback_id, r.route, r.experiment
    FROM about_units u JOIN requests r ON r.unit = u.unit AND r.at_time <= u.at_time
    UNION ALL
    SELECT u.feedback_id, NULL, e.experiment
    FROM about_units u JOIN exposures e ON e.unit = u.unit AND e.at_time <= u.at_time
    WHERE len(u.routes) = 0
    UNION ALL
    SELECT u.feedback_id, r.route, e.experiment
    FROM about_units u JOIN exposures e ON e.unit = u.unit AND e.at_time <= u.at_time
        JOIN requests r ON r.request_id = e.request_id
    WHERE len(u.routes) > 0
), by_unit AS (
    SELECT s.feedback_id, bool_or(len(u.routes) = 0 OR list_contains(u.routes, s.route)) AS allowed,
        list_distinct(list(s.experiment) FILTER (len(u.routes) = 0 OR list_contains(u.routes, s.route))) AS experiments
    FROM seen s JOIN about_units u ON u.feedback_id = s.feedback_id
    GROUP BY s.feedback_id
), resolved AS (
    SELECT p.feedback_id,
        CASE
            WHEN NOT p.declared THEN 'undeclared_key'
            WHEN p.unit IS NOT NULL AND u.allowed THEN 'unit'
            WHEN p.unit IS NOT NULL THEN CASE WHEN u.feedback_id IS NULL THEN 'unknown_unit' ELSE 'other_route' END
            WHEN q.feedback_id IS NULL AND coalesce(n.candidates, 0) = 0 THEN 'unknown_request'
            WHEN q.feedback_id IS NULL AND n.candidates > 1 THEN 'ambiguous'
            WHEN len(p.routes) > 0 AND NOT list_contains(p.routes, coalesce(q.route, n.route)) THEN 'other_route'
            ELSE 'request'
        END AS attribution,
        coalesce(q.request_id, n.request_id) AS request_id,
        CASE
            WHEN p.unit IS NOT NULL THEN u.experiments
            WHEN q.feedback_id IS NOT NULL THEN list_distinct([q.experiment])
            ELSE n.experiments
        END AS experiments
    FROM temp.pending p
        LEFT JOIN by_request q ON q.feedback_id = p.feedback_id
        LEFT JOIN by_response n ON n.feedback_id = p.feedback_id
        LEFT JOIN by_unit u ON u.feedback_id = p.feedback_id
)
UPDATE feedback SET attribution = s.attribution, experiments = s.experiments, subject = s.subject
FROM (SELECT *, CASE WHEN attribution = 'request' THEN request_id END AS subject FROM resolved) s
WHERE feedback.feedback_id = s.feedback_id
    AND (feedback.attribution, feedback.experiments, feedback.subject)
        IS DISTINCT FROM (s.attribution, s.experiments, s.subject)
"""


def attribute(database: Database, *, since_us: int) -> int:
    """Resolve feedback that is new, or that requests which began at ``since_us`` or later can change; returns how many.

    Raises `duckdb.Error`; nothing has changed then.
    """
    with database.writing() as cursor:
        cursor.execute(PENDING, [at(since_us)])
        row = cursor.execute(COUNT).fetchone()
        count = int(row[0]) if row else 0
        if count:
            cursor.execute(RESOLVE)
    return count
