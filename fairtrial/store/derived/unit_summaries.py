"""Summarises each unit's requests and its first arm in tables, so that no look and no page reads all requests."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from fairtrial.domain.limits.constants import WEEK_US
from fairtrial.domain.metrics import UNIT_COLUMNS
from fairtrial.experiments.analysis_plan import RESTARTS_RULES
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import ANALYSED, DAY, HOUR, MINUTE, REASONS

SUMS = "unit_sums"
ATTEMPTS = "unit_sums.attempts"
"""The watermark of attempts. A request's attempts are stored in the same transaction as the request."""
COMPACTED = "unit_sums.compacted"
"""The number of rows after the last compaction."""
PART = "unit_sums.part"
"""The next part to compact; 0 if no compaction is in progress."""
SLICE = 500_000
"""Requests that one transaction adds."""
SMALLEST = 50_000
"""Fewer rows are not compacted."""
GROWTH = 1.5
"""The growth since the last compaction at which the next one begins."""
MANY = 50_000
"""After more new requests than this, as in an upgrade, all parts are compacted at once."""
PARTS = 16
"""A compaction replaces a part of the units in each pass, so that no pass takes long."""

_ADDED = ", ".join(f"CASE WHEN early THEN 0 ELSE {sql} END" for sql in UNIT_COLUMNS.values())
_NOTHING = ", ".join("0" for _ in UNIT_COLUMNS)
_TOTALS = ", ".join(f"sum({name}) AS {name}" for name in UNIT_COLUMNS)
_KEY = "experiment, analysis_hash, variant_assigned, exposed_unit, early, kept_away"
_IS_FIRST = """NOT (early OR kept_away) AND row_number() OVER (
        PARTITION BY experiment, analysis_hash, exposed_unit, early, kept_away, week
        ORDER BY at_time, request_id) = 1"""
_READ = """request_id, experiment, analysis_hash, variant_assigned, exposed_unit, at_time, outcome, arm_outcome,
    user_outcome, reason, refused, refused_by_text, schema_valid, tokens_in, tokens_out, cost_usd, cost_basis, question,
    next_request, tags"""
STARTED = f"""
    SELECT experiment, analysis_hash,
        make_timestamp(max(CAST(json_extract(plan, '$.started_us') AS BIGINT))) AS started_at,
        max(CAST(json_extract(plan, '$.from_us') AS BIGINT)) FILTER (json_extract(plan, '$.kept_control') IS NOT NULL
            AND CAST(json_extract(plan, '$.rules') AS INTEGER) >= {RESTARTS_RULES}) AS restarts_us
    FROM analysis_plans
    GROUP BY experiment, analysis_hash
"""  # noqa: S608 - ours
"""The start of each analysis plan, of the newest one if there are several, and the start of its restarts."""
_WEEK = f"coalesce((epoch_us({{at}}) - restarts_us) // {WEEK_US}, 0)"
"""The week in which units count anew, where a control is kept after a promotion."""
COUNTED = f"{ANALYSED} AND exposed_unit IS NOT NULL AND variant_assigned IS NOT NULL"

STATE = f"""
SELECT (SELECT count(*) FROM requests), (SELECT count(*) FROM attempts), (SELECT count(*) FROM unit_sums),
    (SELECT map_from_entries(list((name, position))) FROM watermarks WHERE starts_with(name, '{SUMS}'))
"""  # noqa: S608 - ours
"""Nothing is deleted from requests and attempts, so the number of rows is the next row number."""
CALLS = """called AS (
    SELECT request_id, count(*) FILTER (purpose IN ('live', 'retry')) AS calls,
        min(ordinal) FILTER (purpose = 'fallback') AS before_fallback,
        count(*) FILTER (purpose IN ('live', 'retry') AND fault IN ('upstream', 'configuration')) AS calls_failed
    FROM attempts
    WHERE {added}request_id IN ({new})
    GROUP BY request_id
), calls AS (
    SELECT request_id, coalesce(before_fallback, calls) AS calls,
        least(calls_failed, coalesce(before_fallback, calls)) AS calls_failed
    FROM called
)"""
"""The upstream calls of each of the requests ``new``.

All calls before a fallback were the variant's, and failed. A retry after it repeats the fallback. A call that the
gateway itself broke off did not fail.
"""
ADD = f"""
INSERT INTO unit_sums
WITH new AS MATERIALIZED (
    SELECT {_READ}, coalesce(at_time < started_at, true) AS early,
        coalesce(arm_outcome = 'kept_away', false) AS kept_away, {_WEEK.format(at="at_time")} AS week
    FROM requests LEFT JOIN ({STARTED}) USING (experiment, analysis_hash)
    WHERE requests.rowid >= $1 AND requests.rowid < $2 AND {COUNTED}
        AND (experiment_state = 'running' OR coalesce(at_time < started_at, true))
), {CALLS.format(added="attempts.rowid >= $3 AND ", new="SELECT request_id FROM new WHERE NOT early")}
SELECT experiment, analysis_hash, variant_assigned, exposed_unit, early, min(at_time), {_ADDED}, kept_away, is_first,
    arg_min(coalesce(tags, MAP {{}}), (at_time, request_id)) FILTER (is_first OR (kept_away AND NOT early))
FROM (SELECT *, {_IS_FIRST} AS is_first FROM new) LEFT JOIN calls USING (request_id)
GROUP BY {_KEY}, is_first, week, CASE WHEN NOT early THEN {MINUTE.format(first_at="at_time")} END
RETURNING experiment, failed + rejected + user_failed + attempts_failed > 0 AS failed
"""  # noqa: S608 - ours
"""Requests of an experiment that was not running are left out, unless they were early."""
ADD_MOVED = f"""
INSERT INTO unit_sums
SELECT experiment, analysis_hash, variant_assigned, exposed_unit, true, min(at_time), {_NOTHING}, false, false, NULL
FROM requests LEFT JOIN ({STARTED}) USING (experiment, analysis_hash)
WHERE requests.rowid >= $1 AND requests.rowid <= $2 AND requests.rowid IN (SELECT request FROM temp.pairs)
    AND {COUNTED} AND coalesce(at_time < started_at, true)
GROUP BY experiment, analysis_hash, variant_assigned, exposed_unit
"""  # noqa: S608 - ours
MARK = "UPDATE watermarks SET position = CASE name WHEN $1 THEN $2 ELSE $4 END WHERE name IN ($1, $3)"

_FIRST_OF_ALL = "is_first AND first_at = first_request_at"
_OF_PART = f"hash(unit) % {PARTS} = $1"
TOTAL = f"""
CREATE OR REPLACE TEMP TABLE totals AS
SELECT experiment, analysis_hash, variant, unit, early, min(first_at) AS first_at, {_TOTALS}, kept_away,
    {_FIRST_OF_ALL} AS is_first, arg_min(tags, first_at) FILTER (kept_away OR {_FIRST_OF_ALL}) AS tags
FROM (
    SELECT *, {MINUTE.format(first_at="first_at")} AS minute, min(first_at) FILTER (NOT early) OVER of_unit AS since,
        min(first_at) FILTER (is_first) OVER of_unit AS first_request_at
    FROM (
        SELECT unit_sums.*, {_WEEK.format(at="first_at")} AS week
        FROM unit_sums LEFT JOIN ({STARTED}) USING (experiment, analysis_hash)
        WHERE {_OF_PART}
    )
    WINDOW of_unit AS (PARTITION BY experiment, analysis_hash, unit, week)
)
GROUP BY experiment, analysis_hash, variant, unit, early, kept_away, {_FIRST_OF_ALL}, week, minute < since + {HOUR},
    minute < since + {DAY}
"""  # noqa: S608 - ours
REMOVE = f"DELETE FROM unit_sums WHERE {_OF_PART}"  # noqa: S608 - ours
REPLACE = "INSERT INTO unit_sums SELECT * FROM temp.totals"
FORGET = "DROP TABLE temp.totals"
PLACEMENTS = "placements"
PLACEMENTS_AT_ONCE = 2_000_000
"""Requests that one transaction summarises."""
LEAST_PLACEMENTS = 20_000
"""Fewer new requests are not summarised, because reading them directly is as fast."""

END_OF_REQUESTS = "SELECT coalesce(max(rowid) + 1, 0) FROM requests"
_COLUMNS = f"""experiment, analysis_hash, variant_assigned AS assigned, exposed_unit AS unit, arm_bucket,
    reason IN {REASONS} AS analysed"""
ADD_PLACEMENTS = f"""
INSERT INTO placements
WITH latest AS (
    SELECT {_COLUMNS}, min(at_time) AS at_time
    FROM requests
    WHERE rowid >= $1 AND rowid < $2 AND enrolled
    GROUP BY ALL
)
SELECT n.* FROM latest n ANTI JOIN placements p
ON p.experiment = n.experiment AND p.analysis_hash = n.analysis_hash AND p.assigned = n.assigned AND p.unit = n.unit
    AND p.analysed = n.analysed AND p.arm_bucket IS NOT DISTINCT FROM n.arm_bucket
    AND p.at_time <= n.at_time
"""  # noqa: S608 - ours
PLACED = f"""placed AS (
    SELECT * FROM placements WHERE experiment = $experiment OR $experiment IS NULL
    UNION ALL
    SELECT {_COLUMNS}, at_time FROM requests
    WHERE rowid >= $watermark AND enrolled AND (experiment = $experiment OR $experiment IS NULL)
)"""  # noqa: S608 - ours
"""A table expression over all enrolled requests. Binds ``$experiment`` (``None`` means all) and ``$watermark``."""


@dataclass(frozen=True, slots=True)
class Folded:
    """The number of requests that were processed, and whether any that count had a failure or a rejection.

    ``Database.changes`` says of which experiments.
    """

    rows: int = 0
    failed: bool = False

    def __add__(self, other: "Folded") -> "Folded":
        return Folded(self.rows + other.rows, self.failed or other.failed)


def update_sums(database: Database) -> Folded:
    """Add new requests to the sums, and compact a part of the rows if that is due. Raises `duckdb.Error`.

    What was committed before an error stays.

    Each pass adds rows to the table `unit_sums`: one for each unit that has new requests. A unit's sums are the totals
    over its rows. The rows and the watermarks commit in one transaction, so that each request is added once. If a unit
    has many rows, a later pass replaces them by their total. Requests that a breaker kept from their arm have their own
    rows.

    A row spans at most a minute, until a compaction joins what lies in the same window since the unit's first request:
    its first hour, its first day, or later. Looks can therefore sum the requests of a window. The first request of each
    unit in a pass has a row of its own, which is marked and has the request's tags. The earliest of these rows is the
    unit's first request, in whatever order requests arrive, and a compaction joins the others. Rows of requests that
    were kept away have tags too, because one of them may be the unit's first. Where a control is kept after a
    promotion, windows and first requests begin anew in each week.

    Requests from before the start of their analysis plan are *early*. Only their first time counts, and their sums are
    0, so that it does no harm to add them twice.
    """
    folded = Folded()
    while True:
        added, state = _add_slice(database)
        folded += added
        first_part = state.marks.get(PART, 0)
        if state.is_due:
            for part in range(first_part, PARTS if added.rows > MANY else first_part + 1):
                _compact_part(database, part)
        if added.rows < SLICE:
            return folded


def add_moved(cursor: Cursor, first: int, last: int) -> None:
    """Add the requests of ``temp.pairs``, which got their exposure from an earlier version, as early ones.

    They have no state of an experiment, so they never count otherwise. ``first`` and ``last`` are their row numbers.
    """
    cursor.execute(ADD_MOVED, [first, last])


@dataclass(frozen=True, slots=True)
class _State:
    """The numbers of rows, and the watermarks that exist."""

    requests: int
    attempts: int
    rows: int
    marks: Mapping[str, int]

    @classmethod
    def read(cls, cursor: Cursor) -> "_State":
        requests, attempts, rows, marks = cursor.execute(STATE).fetchone() or (0, 0, 0, None)
        return cls(int(requests), int(attempts), int(rows), marks or {})

    @property
    def is_due(self) -> bool:
        """Whether a part must be compacted."""
        return self.marks.get(PART, 0) > 0 or self.rows >= max(SMALLEST, GROWTH * self.marks.get(COMPACTED, 0))


def _add_slice(database: Database) -> tuple[Folded, _State]:
    """Add the next requests; returns also the state before."""
    with database.changes.about(), database.transaction() as cursor:
        state = _State.read(cursor)
        start = state.marks.get(SUMS, 0)
        until = min(state.requests, start + SLICE)
        if start >= until:
            return Folded(), state
        called = state.marks.get(ATTEMPTS, 0)
        added = cursor.execute(ADD, [start, until, called]).fetchnumpy()
        _mark(cursor, state, until, state.attempts if until == state.requests else called)
        database.changes.add(set(added["experiment"]))
    failed = added["experiment"][added["failed"].astype(bool)]
    database.changes.note_failures(failed)
    return Folded(until - start, len(failed) > 0), state


def _mark(cursor: Cursor, state: _State, requests: int, attempts: int) -> None:
    """Store both watermarks; one statement is faster than `write_position`."""
    for name in {SUMS, ATTEMPTS} - state.marks.keys():
        cursor.execute("INSERT INTO watermarks VALUES (?, 0)", [name])
    cursor.execute(MARK, [SUMS, requests, ATTEMPTS, attempts])


def _compact_part(database: Database, part: int) -> None:
    """Replace the rows of this part of the units by their totals."""
    with database.changes.about(), database.transaction() as cursor:
        for statement in (TOTAL, REMOVE):
            cursor.execute(statement, [part])
        cursor.execute(REPLACE)
        cursor.execute(FORGET)
        named_values.write_position(cursor, PART, (part + 1) % PARTS)
        if part + 1 == PARTS:
            named_values.write_position(cursor, COMPACTED, _State.read(cursor).rows)


def update_placements(database: Database) -> int:
    """Summarise new requests; returns their number. Raises `duckdb.Error`.

    The table `placements` covers the requests before a row number, the watermark; later ones are read directly.
    Together they equal all requests with an exposure, because rows are only added and readers need distinct values and
    first times. An erasure empties the table, which is then computed again.
    """
    folded = 0
    while True:
        with database.changes.about(), database.transaction() as cursor:
            start, end = named_values.read_position(cursor, PLACEMENTS), int(cursor.value(END_OF_REQUESTS))
            if end - start < LEAST_PLACEMENTS:
                return folded
            until = min(end, start + PLACEMENTS_AT_ONCE)
            cursor.execute(ADD_PLACEMENTS, [start, until])
            named_values.write_position(cursor, PLACEMENTS, until)
        folded += until - start


@contextmanager
def read_placements(database: Database) -> Iterator[tuple[Cursor, int]]:
    """A cursor on one snapshot of the store, and the watermark in it; raises `StoreError`."""
    with database.read_transaction() as cursor:
        yield cursor, named_values.read_position(cursor, PLACEMENTS)
