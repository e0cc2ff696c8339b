"""Copies each request's figures to its exposure, so that traffic is counted without a join.

An exposure is written right after its request, so nearly all get their figures when they are inserted (`columns.py`).
This module fills in the rest: exposures of earlier versions, and those whose request came later or had no outcomes yet.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.derived.placements import forget_from

BATCH = 500_000
"""Exposures in one transaction. Updating all rows of a large store at once would exceed the engine's memory."""
SLACK = timedelta(hours=1)
"""The largest difference between an exposure's time and its request's start."""

MISSING = """
CREATE OR REPLACE TEMP TABLE without_figures AS
SELECT rowid AS place, request_id, at_time
FROM exposures
WHERE (request_time IS NULL OR arm_outcome IS NULL) AND at_time >= $1 AND rowid >= $2
ORDER BY rowid
LIMIT $3
"""
SPAN = "SELECT count(*), min(at_time), max(at_time), min(place), max(place) FROM temp.without_figures"
FILL = """
UPDATE exposures SET
    request_time = r.at_time, outcome = r.outcome, arm_outcome = r.arm_outcome, user_outcome = r.user_outcome,
    latency_ms = r.latency_ms, ttft_ms = r.ttft_ms, tokens_in = r.tokens_in, tokens_out = r.tokens_out,
    cost_usd = r.cost_usd
FROM (
    SELECT u.place, q.*
    FROM temp.without_figures u JOIN requests q ON q.request_id = u.request_id
    WHERE q.at_time >= $1 AND q.at_time <= $2
) r
WHERE exposures.rowid = r.place AND exposures.rowid >= $3 AND exposures.rowid <= $4
    AND (exposures.request_time IS NULL OR r.arm_outcome IS NOT NULL)
"""


def fill_figures(database: Database, *, since_us: int) -> int:
    """Fill in missing figures of exposures since ``since_us`` minus an hour; returns the number of rows.

    Raises `duckdb.Error`; earlier batches stay.
    """
    since = timestamp(max(0, since_us - int(SLACK.total_seconds()) * 1_000_000))
    found, next_row = 0, 0
    while True:
        with database.transaction() as cursor:
            count, next_row = _fill_batch(cursor, since, next_row)
        found += count
        if count < BATCH:
            return found


def _fill_batch(cursor: Cursor, since: datetime, first_row: int) -> tuple[int, int]:
    """The number of exposures without figures, and the row after the last one."""
    cursor.execute(MISSING, [since, first_row, BATCH])
    row = cursor.execute(SPAN).fetchone()
    count, first, last, first_place, last_place = row or (0, None, None, None, None)
    if not count:
        return 0, first_row
    filled = cursor.execute(FILL, [first - SLACK, last + SLACK, first_place, last_place]).fetchone()
    if filled and filled[0]:
        forget_from(cursor, first_place)
    return int(count), int(last_place) + 1
