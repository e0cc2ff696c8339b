"""Computes columns that depend on rows of several segments: subjects of feedback, sums of units, missing outcomes."""

import math
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from fairtrial.domain.events import Event, FeedbackEvent
from fairtrial.domain.limits.constants import END_OF_TIME_US, microseconds
from fairtrial.journal.reader import AttemptEventV1, EventV1, RequestEventV1
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import timestamp
from fairtrial.store.derived import attribution, traffic_sums, unit_summaries
from fairtrial.store.derived.attribution import attribute, unattributed_since_us
from fairtrial.store.derived.unit_summaries import Folded

LATEST_FEEDBACK = "SELECT epoch_us(max(at_time)) FROM feedback"
REST = 10
"""The wait before the next computation, as a multiple of the time the last one took."""
LEAST_REST = 1.0
"""Seconds of the shortest wait, so that light traffic does not cause a computation for every line."""
FOLD_SECONDS = 30.0
"""How often requests are added to the sums of units, unless some failed: a transaction costs more than its rows.

The monitor adds them before each step, so these are the requests of experiments that have stopped.
"""
OUTCOME_BATCH = 500_000
"""Rows in one transaction. Updating all rows of a large store at once would exceed the engine's memory."""

MISSING_OUTCOMES = """
CREATE OR REPLACE TEMP TABLE without_outcome AS
SELECT request_id, outcome, status, error_code FROM requests WHERE arm_outcome IS NULL LIMIT $1
"""
IS_MISSING = "SELECT count(*) FROM (SELECT 1 FROM requests WHERE arm_outcome IS NULL LIMIT 1)"
FIRST_MISSING = "SELECT min(rowid) FROM requests WHERE arm_outcome IS NULL"
MISSING_COUNT = "SELECT count(*) FROM temp.without_outcome"
FILL_OUTCOMES = """
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

EXPOSURE_BATCH = 250_000
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


class DerivedColumns:
    """The work that is due. At the start it includes what an earlier program left.

    Times of events are microseconds, UTC. ``monotonic`` returns seconds, because a wall clock that is set back would
    delay the work.

    This happens after a pass of the ingester, because the rows may arrive in any order. Feedback that names a response
    id or a unit needs a scan of all requests, so the background pass waits ten times as long as the last scan took.
    """

    def __init__(self, database: Database, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._monotonic = monotonic
        self._since_us: int | None = unattributed_since_us(database)
        self._exposed_since_us: int | None = 0
        self._without_outcome = True
        self._unsummarised = unit_summaries.LEAST_PLACEMENTS
        self._unfolded, self._failed = True, False
        self._due = self._fold_due = -math.inf
        self._new_feedback = True
        self._latest_feedback_us = database.value(LATEST_FEEDBACK) or 0

    def note(self, event: Event) -> None:
        """Register an event that is being ingested and is not a request."""
        if isinstance(event, FeedbackEvent):
            self._new_feedback = True
            self._latest_feedback_us = max(self._latest_feedback_us, event.at_us)
            self._note_since(event.at_us)

    def note_requests(self, count: int, earliest_us: int, *, exposed: bool, failed: bool) -> None:
        """Register requests that are being ingested. They change only feedback that came before them.

        ``exposed``: one of them is of an experiment, so that it adds to the sums. ``failed``: such a one may be a
        failure, so that the next `fold_requests` must not wait.
        """
        self._failed = self._failed or failed
        self._unsummarised += count
        self._unfolded = self._unfolded or exposed or self._unsummarised >= unit_summaries.LEAST_PLACEMENTS
        if self._unsummarised >= unit_summaries.LEAST_PLACEMENTS or earliest_us <= self._latest_feedback_us:
            self._note_since(earliest_us)

    def note_earlier(self, event: EventV1) -> None:
        """Register an event of version 1. Its request may lack its outcome or its exposure."""
        if isinstance(event, AttemptEventV1):
            return
        if isinstance(event, RequestEventV1):
            self._without_outcome = self._without_outcome or event.arm_outcome is None
            self._unsummarised += 1
            self._unfolded = self._failed = True
        self._note_since(event.at_us)
        since_us = self._exposed_since_us
        self._exposed_since_us = event.at_us if since_us is None else min(since_us, event.at_us)

    def is_due(self) -> bool:
        """Whether the background pass would compute anything now."""
        now = self._monotonic()
        return (self._since_us is not None and now >= self._due) or (self._unfolded and now >= self._fold_due)

    def fold_requests(self, *, paced: bool) -> Folded:
        """Add new requests to the sums of their units; if ``paced``, every 30 seconds unless one failed.

        The requests are in the store already, so a kill meanwhile loses nothing. Raises `duckdb.Error`.
        """
        begun = self._monotonic()
        if not self._unfolded or (paced and begun < self._fold_due and not self._failed):
            return Folded()
        folded = unit_summaries.update_sums(self._database)
        self._unfolded = self._failed = False
        self._fold_due = begun + FOLD_SECONDS
        return folded

    def compute(self, *, paced: bool) -> None:
        """Compute what is due, or everything if not ``paced``. Failed work is tried again; raises `duckdb.Error`."""
        begun = self._monotonic()
        if self._since_us is None or (paced and begun < self._due):
            return
        if self._without_outcome:
            fill_outcomes(self._database)
            self._without_outcome = False
        self._move_exposures()
        if self._new_feedback or self._latest_feedback_us >= self._since_us:  # otherwise nothing can have changed
            attribute(self._database, since_us=self._since_us)
        self._new_feedback = False
        if self._unsummarised >= unit_summaries.LEAST_PLACEMENTS:
            unit_summaries.update_placements(self._database)
            self._unsummarised = traffic_sums.update(self._database, all_=not paced)
        self._since_us = END_OF_TIME_US if self._unsummarised >= unit_summaries.LEAST_PLACEMENTS else None
        ended = self._monotonic()
        self._due = ended + max(REST * (ended - begun), LEAST_REST)

    def _move_exposures(self) -> None:
        """Move exposures to requests that came later; feedback and the summary are then due for these requests."""
        if self._exposed_since_us is not None and self._database.value(WAITING):
            for earliest_us in move_exposures(self._database, since_us=self._exposed_since_us):
                self._note_since(earliest_us)
                self._unsummarised = unit_summaries.LEAST_PLACEMENTS
        self._exposed_since_us = None

    def _note_since(self, at_us: int) -> None:
        self._since_us = at_us if self._since_us is None else min(self._since_us, at_us)


def fill_outcomes(database: Database) -> int:
    """Compute the missing outcomes; returns the number of requests. Raises `duckdb.Error`; earlier batches stay."""
    filled = 0
    while database.value(IS_MISSING):  # a transaction would be a change for all experiments
        filled += _fill_batch(database)
    return filled


def _fill_batch(database: Database) -> int:
    with database.transaction() as cursor:
        cursor.execute(MISSING_OUTCOMES, [OUTCOME_BATCH])
        count: int = cursor.value(MISSING_COUNT)
        traffic_sums.lower(cursor, int(cursor.value(FIRST_MISSING)))
        cursor.execute(FILL_OUTCOMES)
    return count


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
    exposures, first, last = cursor.execute(NEXT, [start, timestamp(END_OF_TIME_US), EXPOSURE_BATCH]).fetchone() or (
        0,
        None,
        None,
    )
    if not exposures:
        return None, None
    cursor.execute(PAIRS, [first, last, first - SLACK, last + SLACK])
    count, earliest, first_row, last_row = cursor.execute(SPAN).fetchone() or (0, None, None, None)
    if count:
        cursor.execute(MOVE, [first, last, first_row, last_row])
        cursor.execute(MOVED, [first, last])
        for name in (unit_summaries.PLACEMENTS, attribution.NAME):
            named_values.lower_position(cursor, name, int(first_row))
        traffic_sums.lower(cursor, int(first_row))
        unit_summaries.add_moved(cursor, int(first_row), int(last_row))
    cursor.execute("DROP TABLE temp.pairs")
    return earliest, last + timedelta(microseconds=1) if exposures >= EXPOSURE_BATCH else None
