"""Sums requests by hour, so that a page over many of them reads only those at the edges of its window."""

from datetime import timedelta

from fairtrial.store.core import named_values
from fairtrial.store.core.database import Cursor, Database
from fairtrial.store.core.query import ANALYSED

NAME = "traffic_sums"
AT_ONCE = 250_000
"""Requests that one transaction adds."""
LEAST = 20_000
"""Fewer new requests are not added, because reading them directly is as fast."""
WIDTH = 1.01
"""The upper end of a bucket of latencies, as a multiple of its lower end."""
LEAST_MS = 0.001
"""Latencies below it count as it; they are stored with three decimals."""

END = "SELECT coalesce(max(rowid) + 1, 0) FROM requests"
ROWS = """
SELECT date_trunc('hour', r.at_time) AS hour, r.route, coalesce(f.deployment, r.deployment) AS deployment, r.experiment,
    r.variant_assigned AS variant, r.reason, r.enrolled, r.exposed_unit, r.at_time, r.outcome, r.arm_outcome,
    r.user_outcome, r.variant_served, r.tokens_in, r.tokens_out, r.cost_usd, r.latency_ms, r.ttft_ms
FROM ({chosen}) r LEFT JOIN (
    SELECT request_id, any_value(deployment) AS deployment
    FROM ({called})
    WHERE ordinal = 0 AND request_id IN (
        SELECT request_id FROM ({chosen}) WHERE deployment IS NULL OR reason = 'fallback'
    )
    GROUP BY request_id
) f ON f.request_id = r.request_id
"""
"""The ``chosen`` requests, whose first calls are among ``called``, by the deployment that was tried first.

Its errors are its own, even if another one answered.

Only requests that fell back were answered by another deployment, so few attempts are looked up.
"""
TOTALS = """
SELECT hour, route, deployment, experiment, variant, reason, enrolled, count(*) AS requests,
    count(*) FILTER (arm_outcome = 'failed') AS errors, count(*) FILTER (user_outcome = 'failed') AS user_errors,
    count(*) FILTER (arm_outcome = 'rejected') AS rejected, count(*) FILTER (arm_outcome = 'kept_away') AS kept_away,
    sum(tokens_in)::BIGINT AS tokens_in, sum(tokens_out)::BIGINT AS tokens_out, sum(cost_usd) AS cost_usd,
    count(*) FILTER (cost_usd IS NULL AND outcome = 'ok') AS cost_unknown,
    count(*) FILTER (variant_served <> variant) AS served_elsewhere
FROM {rows}
GROUP BY hour, route, deployment, experiment, variant, reason, enrolled
"""
_BUCKETS = f"""
    SELECT hour, route, deployment, experiment, variant, coalesce({ANALYSED}, false) AS analysed, '{{field}}' AS field,
        floor(ln(greatest({{field}}, {LEAST_MS})) / ln({WIDTH}))::SMALLINT AS bucket
    FROM {{rows}}
    WHERE {{field}} IS NOT NULL
"""  # noqa: S608 - ours
LATENCIES = f"""
SELECT hour, route, deployment, experiment, variant, analysed, field, bucket, count(*) AS requests
FROM ({_BUCKETS.replace("{field}", "latency_ms")} UNION ALL {_BUCKETS.replace("{field}", "ttft_ms")})
GROUP BY ALL
"""  # noqa: S608 - ours

NEW = "SELECT * FROM requests WHERE rowid >= $1 AND rowid < $2"
CALLED = "SELECT * FROM attempts WHERE at_time >= $3 AND at_time < $4"
SLACK = timedelta(hours=1)
"""The longest time from the start of a request to its first call."""
SPAN = "SELECT min(at_time), max(at_time) FROM requests WHERE rowid >= $1 AND rowid < $2"
ADD = (
    f"CREATE OR REPLACE TEMP TABLE summing AS {ROWS.format(chosen=NEW, called=CALLED)}",
    f"INSERT INTO traffic_sums SELECT $1, * FROM ({TOTALS.format(rows='temp.summing')})",  # noqa: S608 - ours
    f"INSERT INTO latency_sums SELECT $1, * FROM ({LATENCIES.format(rows='temp.summing')})",  # noqa: S608 - ours
)
SEEN = f"""
CREATE OR REPLACE TEMP TABLE seen AS
SELECT experiment, variant, hash(exposed_unit) AS unit, max(at_time) AS at_time
FROM temp.summing
WHERE {ANALYSED} AND exposed_unit IS NOT NULL
GROUP BY ALL
"""  # noqa: S608 - ours
SAME = "l.unit = s.unit AND l.experiment IS NOT DISTINCT FROM s.experiment AND l.variant IS NOT DISTINCT FROM s.variant"
UNITS = (
    SEEN,
    f"""
    UPDATE last_requests l SET at_time = s.at_time FROM temp.seen s WHERE {SAME} AND s.at_time > l.at_time
    """,  # noqa: S608 - ours
    f"INSERT INTO last_requests SELECT s.* FROM temp.seen s ANTI JOIN last_requests l ON {SAME}",  # noqa: S608 - ours
    "DROP TABLE temp.seen",
    "DROP TABLE temp.summing",
)
"""One row for each unit. It is named by a hash of 64 bits, as in `unit_groups`."""
LATER = "SELECT coalesce(max(until), 0) FROM traffic_sums WHERE until <= $1"
FORGET = ("DELETE FROM traffic_sums WHERE until > $1", "DELETE FROM latency_sums WHERE until > $1")


def update(database: Database, *, all_: bool = True) -> int:
    """Add new requests to the sums of their hours; returns how many are left. Raises `duckdb.Error`.

    The tables cover the requests before a row number, the watermark; later ones are read directly. Each slice has rows
    of its own, which name the watermark after it, and commits with it. Unless ``all_``, one slice is added.
    """
    while True:
        with database.changes.about(), database.transaction() as cursor:
            start, end = named_values.read_position(cursor, NAME), int(cursor.value(END))
            if end - start < LEAST:
                return 0
            until = min(end, start + AT_ONCE)
            ((first, last),) = cursor.execute(SPAN, [start, until]).fetchall()
            cursor.execute(ADD[0], [start, until, first, last + SLACK])
            for statement in ADD[1:]:
                cursor.execute(statement, [until])
            for statement in UNITS:
                cursor.execute(statement)
            named_values.write_position(cursor, NAME, until)
        if not all_:
            return end - until


def lower(cursor: Cursor, row: int) -> None:
    """Sum the requests from this row number on again, because they have changed; in the caller's transaction."""
    if row < named_values.read_position(cursor, NAME):
        before = int(cursor.value(LATER, [row]))
        for statement in FORGET:
            cursor.execute(statement, [before])
        named_values.write_position(cursor, NAME, before)
