"""Reads traffic over windows with many requests from the sums of hours, and only the rest from the requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairtrial.store.core.database import Database
from fairtrial.store.core.query import ANALYSED, Page
from fairtrial.store.derived.traffic_sums import LATENCIES, NAME, ROWS, SAME, TOTALS, WIDTH

MOST_DIRECT = 100_000
"""A window with fewer summed requests is read directly, so that its latencies are exact."""
SUMMED = f"""
SELECT (SELECT max(position) FROM watermarks WHERE name = '{NAME}'),
    (SELECT sum(requests) FROM traffic_sums WHERE hour >= $1 AND hour < $2), (SELECT max(at_time) FROM requests)
"""  # noqa: S608 - ours
UNSUMMED = "SELECT coalesce(min(at_time), $2) FROM requests WHERE rowid >= $1"
_CHOSEN = """
    SELECT * FROM requests WHERE at_time >= $1 AND at_time < $2
    UNION ALL SELECT * FROM requests WHERE at_time >= $3 AND at_time < $4
    UNION ALL SELECT * FROM requests WHERE at_time >= $2 AND at_time < $3 AND rowid >= $5
"""
"""The requests at the edges of the window, and those that are not summed yet."""
_CALLED = """
    SELECT * FROM attempts WHERE at_time >= $1 AND at_time < $2 + INTERVAL 1 HOUR
    UNION ALL SELECT * FROM attempts WHERE at_time >= $3
    UNION ALL SELECT * FROM attempts WHERE at_time >= greatest($2, $6) AND at_time < $3
"""
_HOURS = "WHERE hour >= $2 AND hour < $3 AND until <= $5"
TRAFFIC = f"""
direct AS MATERIALIZED ({ROWS.format(chosen=_CHOSEN, called=_CALLED)}), totals AS (
    SELECT * EXCLUDE (until) FROM traffic_sums {_HOURS} UNION ALL {TOTALS.format(rows="direct")}
)"""  # noqa: S608 - ours
_SPREAD = f"""
spread AS (
    SELECT {{key}}, field, bucket, sum(requests) AS requests
    FROM (SELECT * EXCLUDE (until) FROM latency_sums {_HOURS} UNION ALL {LATENCIES.format(rows="direct")})
    WHERE {{where}}
    GROUP BY ALL
), ranked AS (
    SELECT *, sum(requests) OVER (PARTITION BY {{key}}, field ORDER BY bucket) AS upto,
        sum(requests) OVER (PARTITION BY {{key}}, field) - 1 AS last
    FROM spread
), quantiles AS (
    SELECT {{key}}, field, list_transform(
        [min(bucket) FILTER (upto > 0.5 * last), min(bucket) FILTER (upto > 0.95 * last),
            min(bucket) FILTER (upto > 0.99 * last)], lambda bucket: round({WIDTH} ** (bucket + 0.5), 3)
    ) AS ms
    FROM ranked
    GROUP BY {{key}}, field
)"""  # noqa: S608 - ours
"""The middle of the bucket that the quantile is in."""
_COUNTS = """sum(requests)::BIGINT AS requests, sum(errors)::BIGINT AS errors, sum(user_errors)::BIGINT AS user_errors,
        sum(rejected)::BIGINT AS rejected, sum(kept_away)::BIGINT AS kept_away,
        coalesce(sum(requests) FILTER (reason = 'fallback'), 0)::BIGINT AS fallbacks"""
VARIANTS = f"""
WITH {TRAFFIC}, {_SPREAD.format(key="experiment, variant", where="analysed AND ($7 IS NULL OR experiment = $7)")}
SELECT t.* EXCLUDE (tokens_in, tokens_out, cost_usd, cost_unknown, served_elsewhere), l.ms AS latency, f.ms AS ttft,
    t.tokens_in, t.tokens_out, t.cost_usd, t.cost_unknown, t.served_elsewhere
FROM (
    SELECT experiment, variant, {_COUNTS}, sum(tokens_in)::BIGINT AS tokens_in, sum(tokens_out)::BIGINT AS tokens_out,
        CASE WHEN sum(cost_unknown) = 0 THEN sum(cost_usd)::DOUBLE END AS cost_usd,
        sum(cost_unknown)::BIGINT AS cost_unknown, sum(served_elsewhere)::BIGINT AS served_elsewhere
    FROM totals
    WHERE {ANALYSED} AND ($7 IS NULL OR experiment = $7)
    GROUP BY experiment, variant
) t
LEFT JOIN quantiles l ON l.field = 'latency_ms' AND l.experiment = t.experiment AND l.variant = t.variant
LEFT JOIN quantiles f ON f.field = 'ttft_ms' AND f.experiment = t.experiment AND f.variant = t.variant
ORDER BY t.experiment, t.variant
"""  # noqa: S608 - ours
REASONS = f"""
WITH {TRAFFIC}
SELECT experiment, reason, sum(requests)::BIGINT
FROM totals
WHERE ($7 IS NULL OR experiment = $7) AND enrolled IS NOT NULL
GROUP BY experiment, reason
ORDER BY experiment, reason
"""  # noqa: S608 - ours
ROUTES = f"""
WITH {TRAFFIC}, {_SPREAD.format(key="route, deployment", where="field = 'latency_ms'")}
SELECT t.*, q.ms[1] AS latency_p50, q.ms[2] AS latency_p95
FROM (SELECT route, deployment, {_COUNTS} FROM totals GROUP BY route, deployment) t
LEFT JOIN quantiles q ON q.route IS NOT DISTINCT FROM t.route AND q.deployment IS NOT DISTINCT FROM t.deployment
ORDER BY requests DESC, t.route
LIMIT $7 OFFSET $8
"""  # noqa: S608 - ours
UNITS = f"""
WITH seen AS (
    SELECT DISTINCT experiment, variant_assigned AS variant, hash(exposed_unit) AS unit
    FROM requests
    WHERE rowid >= $2 AND at_time >= $1 AND exposed_unit IS NOT NULL AND {ANALYSED}
), earlier AS (SELECT * FROM last_requests WHERE at_time >= $1)
SELECT experiment, variant, count(*)
FROM (
    SELECT experiment, variant FROM earlier
    UNION ALL
    SELECT s.experiment, s.variant FROM seen s ANTI JOIN earlier l ON {SAME}
)
WHERE $3 IS NULL OR experiment = $3
GROUP BY experiment, variant
"""  # noqa: S608 - ours
"""Units with a request since a time: by their last summed one, and those of requests after the watermark."""


@dataclass(frozen=True, slots=True)
class SummedWindow:
    """A window with its whole hours from ``first`` to ``last``, and the row number after the last summed request.

    ``unsummed``: the earliest time of a later row. ``is_open``: it ends after the last request.
    """

    since: datetime
    first: datetime
    last: datetime
    until: datetime
    watermark: int
    unsummed: datetime
    is_open: bool

    @property
    def bounds(self) -> Sequence[object]:
        """The first six parameters of the queries of this module, but of `UNITS`."""
        return (self.since, self.first, self.last, self.until, self.watermark, self.unsummed)


def summed_window(database: Database, page: Page) -> SummedWindow | None:
    """The window if most of it is to be read from sums; ``None`` if all of it is read directly. Raises `StoreError`."""
    hour = page.since.replace(minute=0, second=0, microsecond=0)
    first = hour if hour == page.since else hour + timedelta(hours=1)
    last = page.until.replace(minute=0, second=0, microsecond=0)
    if first >= last:
        return None
    ((watermark, requests, newest),) = database.rows(SUMMED, (first, last))
    if not requests or requests < MOST_DIRECT:
        return None
    unsummed = database.value(UNSUMMED, (watermark, page.until))
    return SummedWindow(page.since, first, last, page.until, int(watermark), unsummed, page.until > newest)
