"""Computes the outcomes, for the arm and for the caller, of requests that were recorded without them.

The gateway records both with each request (`gateway/proxy/recording/outcomes.py`, by the same rule). Requests of
earlier versions have neither; their outcomes follow from their attempts.
"""

from __future__ import annotations

from fairtrial.store.core.database import Database

BATCH = 500_000
"""Rows in one transaction. Updating all rows of a large store at once would exceed the engine's memory."""

MISSING = """
CREATE OR REPLACE TEMP TABLE without_outcome AS
SELECT request_id, outcome, status, error_code FROM requests WHERE arm_outcome IS NULL LIMIT $1
"""
COUNT = "SELECT count(*) FROM temp.without_outcome"

FILL = """
WITH called AS (
    SELECT a.request_id, bool_or(a.purpose = 'fallback') AS fell_back,
        arg_max(coalesce(a.status, 0), a.ordinal) AS status,
        arg_max(coalesce(a.error_type, ''), a.ordinal) AS error_type
    FROM attempts a SEMI JOIN temp.without_outcome u ON u.request_id = a.request_id
    GROUP BY a.request_id
), ended AS (
    SELECT u.request_id, c.request_id IS NOT NULL AS called, coalesce(c.fell_back, false) AS fell_back,
        CASE
            WHEN u.outcome = 'ok' THEN 'answered'
            WHEN u.outcome = 'cancelled' THEN 'none'
            WHEN c.status IN (400, 413, 422) THEN 'rejected'
            WHEN u.error_code IN ('draining', 'stopped', 'overloaded', 'gateway_failed') THEN 'ours'
            WHEN c.request_id IS NULL
                OR (c.status = 0 AND c.error_type IN ('invalid_request_error', 'permission_error'))
                THEN CASE WHEN u.status < 500 THEN 'none' ELSE 'ours' END
            ELSE 'failed'
        END AS ended
    FROM temp.without_outcome u LEFT JOIN called c ON c.request_id = u.request_id
)
UPDATE requests SET
    arm_outcome = CASE
        WHEN e.fell_back THEN 'failed' WHEN NOT e.called OR e.ended = 'ours' THEN 'none' ELSE e.ended
    END,
    user_outcome = CASE e.ended WHEN 'ours' THEN 'failed' ELSE e.ended END
FROM ended e
WHERE requests.request_id = e.request_id AND requests.arm_outcome IS NULL
"""
"""``ours``: the gateway itself failed, which counts for the caller and not for the arm."""


def fill_outcomes(database: Database) -> int:
    """Compute the missing outcomes; returns the number of requests. Raises `duckdb.Error`; earlier batches stay."""
    filled = 0
    while count := _fill_batch(database):
        filled += count
    return filled


def _fill_batch(database: Database) -> int:
    with database.transaction() as cursor:
        cursor.execute(MISSING, [BATCH])
        count: int = cursor.value(COUNT)
        if count:
            cursor.execute(FILL)
    return count
