"""Finds the request or unit that each feedback is about, once its requests are in the store."""

from dataclasses import dataclass

from fairtrial.domain.limits.constants import END_OF_TIME_US
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import ANALYSED, timestamp

PENDING = """
CREATE OR REPLACE TEMP TABLE pending AS
SELECT feedback_id, at_time, key_id, coalesce(routes, []) AS routes, coalesce(declared, true) AS declared, request_id,
    coalesce(response_id, request_id) AS response_id, unit
FROM feedback
WHERE attribution IS NULL
    OR (at_time >= $1 AND (attribution IN ('unit', 'unknown_request', 'unknown_unit', 'other_route')
        OR (attribution = 'request' AND (subject IS DISTINCT FROM request_id OR subject_arm IS NULL))))
"""
"""New feedback, and feedback that late requests can still change; ``$1`` is the start of the first of these."""

COUNT = "SELECT count(*) FROM temp.pending"

ASK = "CREATE OR REPLACE TEMP TABLE asked AS SELECT * FROM temp.pending WHERE declared AND {which}"
ASKED = "SELECT count(*) FROM temp.asked"


@dataclass(frozen=True, slots=True)
class Lookup:
    """A look-up in a large table, made only if some feedback needs it. It reads ``temp.asked`` and fills ``table``."""

    table: str
    which: str
    rows: str


TABLES = {
    "by_request": "feedback_id VARCHAR, request_id VARCHAR, at_time TIMESTAMP, route VARCHAR, experiment VARCHAR",
    "by_response": "feedback_id VARCHAR, candidates BIGINT, request_id VARCHAR, at_time TIMESTAMP, route VARCHAR, "
    "experiments VARCHAR[]",
    "seen": "feedback_id VARCHAR, route VARCHAR, experiment VARCHAR",
}
LOOKUPS = (
    Lookup(
        "by_request",
        "request_id IS NOT NULL",
        """
        SELECT p.feedback_id, r.request_id, r.at_time, r.route, r.experiment
        FROM temp.asked p JOIN requests r ON r.request_id = p.request_id
        """,
    ),
    Lookup(
        "by_response",
        "response_id IS NOT NULL AND feedback_id NOT IN (SELECT feedback_id FROM temp.by_request)",
        """
        SELECT p.feedback_id, count(*), any_value(r.request_id), any_value(r.at_time), any_value(r.route),
            list_distinct(list(r.experiment))
        FROM temp.asked p JOIN requests r
            ON r.response_id = p.response_id AND r.key_id IS NOT DISTINCT FROM p.key_id AND r.at_time <= p.at_time
        GROUP BY p.feedback_id
        """,
    ),
    Lookup(
        "seen",
        "unit IS NOT NULL",
        """
        SELECT u.feedback_id, r.route, r.experiment
        FROM temp.asked u JOIN requests r ON r.unit = u.unit AND r.at_time <= u.at_time
        """,
    ),
    Lookup(
        "seen",
        "unit IS NOT NULL",
        """
        SELECT u.feedback_id, r.route, r.experiment
        FROM temp.asked u JOIN requests r ON r.exposed_unit = u.unit AND r.at_time <= u.at_time
        """,
    ),
)
"""Each scans at most one column of ids. Requests are found by id through zone maps, because ids begin with time."""

RESOLVE = """
CREATE OR REPLACE TEMP TABLE resolved AS
WITH by_unit AS (
    SELECT s.feedback_id, bool_or(len(u.routes) = 0 OR list_contains(u.routes, s.route)) AS allowed,
        list_distinct(list(s.experiment) FILTER (len(u.routes) = 0 OR list_contains(u.routes, s.route))) AS experiments
    FROM temp.seen s JOIN temp.pending u ON u.feedback_id = s.feedback_id
    GROUP BY s.feedback_id
)
SELECT * REPLACE (CASE WHEN attribution = 'request' THEN subject END AS subject)
FROM (
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
        coalesce(q.request_id, n.request_id) AS subject,
        coalesce(q.at_time, n.at_time) AS request_time,
        CASE
            WHEN p.unit IS NOT NULL THEN u.experiments
            WHEN q.feedback_id IS NOT NULL THEN list_distinct([q.experiment])
            ELSE n.experiments
        END AS experiments
    FROM temp.pending p
        LEFT JOIN temp.by_request q ON q.feedback_id = p.feedback_id
        LEFT JOIN temp.by_response n ON n.feedback_id = p.feedback_id
        LEFT JOIN by_unit u ON u.feedback_id = p.feedback_id
)
"""
SPAN = "SELECT min(request_time), max(request_time) FROM temp.resolved WHERE subject IS NOT NULL"

UPDATE = f"""
UPDATE feedback SET attribution = s.attribution, experiments = s.experiments, subject = s.subject,
    subject_time = s.at_time, subject_experiment = s.experiment, subject_arm = s.assigned, subject_unit = s.unit
FROM (
    SELECT r.feedback_id, r.attribution, r.experiments, r.subject, e.at_time, e.experiment, e.assigned, e.unit
    FROM temp.resolved r LEFT JOIN (
        SELECT request_id, at_time, experiment, variant_assigned AS assigned, exposed_unit AS unit
        FROM requests
        WHERE at_time >= $1 AND at_time <= $2 AND {ANALYSED}
    ) e ON e.request_id = r.subject
) s
WHERE feedback.feedback_id = s.feedback_id
    AND (feedback.attribution, feedback.experiments, feedback.subject, feedback.subject_time, feedback.subject_arm)
        IS DISTINCT FROM (s.attribution, s.experiments, s.subject, s.at_time, s.assigned)
RETURNING feedback.experiments
"""  # noqa: S608 - ours
"""The subject's arm and unit are stored too if its exposure is analysed, so that figures need no other table."""

NAME = "attribution"
ROWS = "SELECT count(*) FROM requests"
SINCE = "SELECT epoch_us(min(at_time)) FROM requests WHERE rowid >= $1"


def unattributed_since_us(database: Database) -> int:
    """The start of the first request that was stored after the last `attribute`; 0 means all requests."""
    with database.read_transaction() as cursor:
        since_us: int | None = cursor.value(SINCE, [named_values.read_position(cursor, NAME)])
    return END_OF_TIME_US if since_us is None else since_us


def attribute(database: Database, *, since_us: int) -> int:
    """Attribute feedback that is new, or that requests since ``since_us`` can change; returns the number of rows.

    Raises `duckdb.Error`; nothing has changed then.

    Several requests can share a response id. It names one only if exactly one earlier request of the same API key has
    it. Otherwise the feedback is *ambiguous*: it stays in the store and counts in no figure. Journals of several
    workers arrive in any order, so a feedback is checked again while requests that began before it may still arrive.

    The column ``attribution`` has the result. ``request`` and ``unit`` count in the figures. ``ambiguous`` does not,
    and neither do the four kinds of *unmatched* feedback: ``unknown_request``, ``unknown_unit``, ``other_route`` (the
    key is bound to other routes) and ``undeclared_key`` (no metric of the file reads it).
    """
    with database.changes.about(), database.transaction() as cursor:
        cursor.execute(PENDING, [timestamp(since_us)])
        count: int = cursor.value(COUNT)
        if count:
            _look_up(cursor)
            cursor.execute(RESOLVE)
            first, last = cursor.execute(SPAN).fetchone() or (None, None)
            around = (timestamp(0), timestamp(0)) if first is None else (first, last)
            updated = cursor.execute(UPDATE, around).fetchall()
            database.changes.add(name for (names,) in updated for name in names or () if name is not None)
        named_values.write_position(cursor, NAME, cursor.value(ROWS))
    return count


def _look_up(cursor: Cursor) -> None:
    for table, columns in TABLES.items():
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({columns})")
    for lookup in LOOKUPS:
        cursor.execute(ASK.format(which=lookup.which))
        if cursor.value(ASKED):
            cursor.execute(f"INSERT INTO temp.{lookup.table} {lookup.rows}")
