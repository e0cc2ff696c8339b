"""Moves exposures of version 1 into the rows of their requests, where pages read them.

A request of version 1 had its exposure in a line of its own. `earlier_lines` joins both if they arrive together. Other
exposures, and all those of an earlier store, wait in the table `exposures` until their request is there. Each batch
moves rows in one transaction, so that a kill loses none and repeats none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from fairtrial.domain.limits.constants import END_OF_TIME_US, microseconds
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.derived import attribution, placements, unit_sums, watermarks

BATCH = 250_000
"""Exposures in one transaction. Updating all rows of a large store at once would exceed the engine's memory."""
SLACK = timedelta(hours=1)
"""The largest difference between an exposure's time and its request's start."""

WAITING = "SELECT count(*) FROM exposures"
NEXT = """
SELECT count(*), min(at_time), max(at_time)
FROM (SELECT at_time FROM exposures WHERE at_time >= $1 AND at_time < $2 ORDER BY at_time LIMIT $3)
"""
PAIRS = """
CREATE OR REPLACE TEMP TABLE pairs AS
SELECT e.rowid AS exposure, r.rowid AS request, r.at_time
FROM exposures e JOIN requests r ON r.request_id = e.request_id
WHERE e.at_time >= $1 AND e.at_time <= $2 AND r.at_time >= $3 AND r.at_time <= $4 AND r.enrolled IS NULL
QUALIFY row_number() OVER (PARTITION BY r.rowid ORDER BY e.rowid) = 1
    AND row_number() OVER (PARTITION BY e.rowid ORDER BY r.rowid) = 1
"""
"""A request has one exposure; a second one stays where it is."""
SPAN = "SELECT count(*), min(at_time), min(request), max(request) FROM temp.pairs"
MOVE = """
UPDATE requests SET
    experiment = e.experiment, variant_assigned = e.assigned, variant_served = e.served, reason = e.reason,
    enrolled = e.enrolled, exposed_unit = e.unit, unit_kind = e.unit_kind, enrol_bucket = e.enrol_bucket,
    arm_bucket = e.arm_bucket, propensity = e.propensity, stage = e.stage, analysis_hash = e.analysis_hash
FROM (
    SELECT p.request, x.*
    FROM temp.pairs p JOIN exposures x ON x.rowid = p.exposure
    WHERE x.at_time >= $1 AND x.at_time <= $2
) e
WHERE requests.rowid = e.request AND requests.rowid >= $3 AND requests.rowid <= $4
"""
MOVED = "DELETE FROM exposures WHERE at_time >= $1 AND at_time <= $2 AND rowid IN (SELECT exposure FROM temp.pairs)"


def are_waiting(database: Database) -> bool:
    """Whether any exposure is still without its request's row."""
    return bool(database.value(WAITING))


def move_exposures(database: Database, *, since_us: int) -> Iterator[int]:
    """Move exposures since ``since_us`` minus an hour whose request is in the store.

    Yields the time of the earliest request of each batch, once it is committed. Raises `duckdb.Error`.
    """
    start: datetime | None = max(timestamp(0), timestamp(min(since_us, END_OF_TIME_US)) - SLACK)
    while start is not None:
        with database.transaction() as cursor:
            earliest, start = _move_batch(cursor, start)
        if earliest is not None:
            yield microseconds(earliest)


def _move_batch(cursor: Cursor, start: datetime) -> tuple[datetime | None, datetime | None]:
    """The time of the earliest request that got its exposure, and the start of the next batch, if there are any."""
    found, first, last = cursor.execute(NEXT, [start, timestamp(END_OF_TIME_US), BATCH]).fetchone() or (0, None, None)
    if not found:
        return None, None
    cursor.execute(PAIRS, [first, last, first - SLACK, last + SLACK])
    count, earliest, first_row, last_row = cursor.execute(SPAN).fetchone() or (0, None, None, None)
    if count:
        cursor.execute(MOVE, [first, last, first_row, last_row])
        cursor.execute(MOVED, [first, last])
        for name in (placements.NAME, attribution.NAME):
            watermarks.lower(cursor, name, int(first_row))
        unit_sums.add_moved(cursor, int(first_row), int(last_row))
    cursor.execute("DROP TABLE temp.pairs")
    return earliest, last + timedelta(microseconds=1) if found >= BATCH else None
