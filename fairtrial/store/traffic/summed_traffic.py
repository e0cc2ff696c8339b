"""Reads traffic: the sums of hours in windows with many requests, and only the rest from the requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairtrial.store.core.database import Database
from fairtrial.store.core.query import ANALYSED, Page, Query
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
_UNCALLED = "SELECT * FROM attempts WHERE false"
"""For figures that are not divided by deployment."""
_HOURS = "WHERE hour >= $2 AND hour < $3 AND until <= $5"
_TRAFFIC = f"""
direct AS MATERIALIZED ({ROWS.format(chosen=_CHOSEN, called="{called}")}), totals AS (
    SELECT * EXCLUDE (until) FROM traffic_sums {_HOURS} UNION ALL {TOTALS.format(rows="direct")}
)"""  # noqa: S608 - ours
_BY_BUCKET = f"""
spread AS (
    SELECT {{columns}}, field, bucket, sum(requests) AS requests
    FROM (SELECT * EXCLUDE (until) FROM latency_sums {_HOURS} UNION ALL {LATENCIES.format(rows="direct")})
    WHERE {{where}}
    GROUP BY ALL
), ranked AS (
    SELECT *, sum(requests) OVER (PARTITION BY {{key}}, field ORDER BY bucket) AS upto,
        sum(requests) OVER (PARTITION BY {{key}}, field) - 1 AS last
    FROM spread
), quantiles AS (
    SELECT {{key}}, field, list_transform([{{ranks}}], lambda bucket: round({WIDTH} ** (bucket + 0.5), 3)) AS ms
    FROM ranked
    GROUP BY {{key}}, field
)"""  # noqa: S608 - ours
"""The middle of the bucket that the quantile is in."""
_SHARES = (0.5, 0.95, 0.99)
_TIMES = " UNION ALL ".join(
    f"SELECT *, {ANALYSED} AS analysed, '{field}' AS field, {field} AS ms FROM direct"  # noqa: S608 - ours
    for field in ("latency_ms", "ttft_ms")
)
_EXACT = f"""
quantiles AS (
    SELECT {{key}}, field, quantile_cont(ms, [0.5, 0.95, 0.99]) AS ms
    FROM ({_TIMES})
    WHERE ms IS NOT NULL AND {{where}}
    GROUP BY {{key}}, field
)"""  # noqa: S608 - ours
_COUNTS = """sum(requests)::BIGINT AS requests, sum(errors)::BIGINT AS errors, sum(user_errors)::BIGINT AS user_errors,
        sum(rejected)::BIGINT AS rejected, sum(kept_away)::BIGINT AS kept_away,
        coalesce(sum(requests) FILTER (reason = 'fallback'), 0)::BIGINT AS fallbacks"""
_VARIANTS = f"""
WITH {_TRAFFIC.format(called=_UNCALLED)}, {{quantiles}}
SELECT t.* EXCLUDE (tokens_in, tokens_out, cost_usd, cost_unknown, served_elsewhere), l.ms AS latency, f.ms AS ttft,
    t.tokens_in, t.tokens_out, t.cost_usd, t.cost_unknown, t.served_elsewhere
FROM (
    SELECT experiment, variant, {_COUNTS}, sum(tokens_in)::BIGINT AS tokens_in, sum(tokens_out)::BIGINT AS tokens_out,
        CASE WHEN sum(cost_unknown) = 0 THEN sum(cost_usd)::DOUBLE END AS cost_usd,
        sum(cost_unknown)::BIGINT AS cost_unknown, sum(served_elsewhere)::BIGINT AS served_elsewhere
    FROM totals
    WHERE {ANALYSED} AND ($6 IS NULL OR experiment = $6)
    GROUP BY experiment, variant
) t
LEFT JOIN quantiles l ON l.field = 'latency_ms' AND l.experiment = t.experiment AND l.variant = t.variant
LEFT JOIN quantiles f ON f.field = 'ttft_ms' AND f.experiment = t.experiment AND f.variant = t.variant
ORDER BY t.experiment, t.variant
"""  # noqa: S608 - ours
REASONS = f"""
WITH {_TRAFFIC.format(called=_UNCALLED)}
SELECT experiment, reason, sum(requests)::BIGINT AS requests
FROM totals
WHERE ($6 IS NULL OR experiment = $6) AND enrolled IS NOT NULL
GROUP BY experiment, reason
ORDER BY experiment, reason
"""  # noqa: S608 - ours
_ROUTES = f"""
WITH {_TRAFFIC.format(called=_CALLED)}, {{quantiles}}
SELECT t.*, q.ms[1] AS latency_p50, q.ms[2] AS latency_p95
FROM (SELECT route, deployment, {_COUNTS} FROM totals GROUP BY route, deployment) t
LEFT JOIN quantiles q ON q.route IS NOT DISTINCT FROM t.route AND q.deployment IS NOT DISTINCT FROM t.deployment
ORDER BY requests DESC, t.route
LIMIT $7 OFFSET $8
"""  # noqa: S608 - ours
_TRIES = f"""
WITH {_TRAFFIC.format(called=_UNCALLED)}
SELECT variant, sum(requests - kept_away)::BIGINT AS tries, sum(errors)::BIGINT AS failed_tries,
    sum(requests)::BIGINT AS user_tries, sum(user_errors)::BIGINT AS user_failed_tries
FROM totals
WHERE experiment = $6 AND {ANALYSED}
GROUP BY variant
ORDER BY variant
"""  # noqa: S608 - ours
_OF_EXPERIMENT = "field = 'latency_ms' AND analysed AND experiment = $6"
_SLOT = "(epoch_us(hour) - $7::BIGINT) // $8::BIGINT"
_SLOTS = f"""
WITH {_TRAFFIC.format(called=_UNCALLED)}, {{quantiles}}
SELECT t.*, q.ms[1] AS latency_p50, q.ms[2] AS latency_p95
FROM (
    SELECT {_SLOT} AS slot, variant, sum(requests)::BIGINT AS requests, sum(errors)::BIGINT AS errors,
        sum(user_errors)::BIGINT AS user_errors, sum(kept_away)::BIGINT AS kept_away
    FROM totals
    WHERE experiment = $6 AND {ANALYSED}
    GROUP BY ALL
) t
LEFT JOIN quantiles q USING (slot, variant)
"""  # noqa: S608 - ours
_SPREAD = f"""
WITH {_TRAFFIC.format(called=_UNCALLED)}, {{quantiles}}
SELECT variant, unnest([{{shares}}]::DOUBLE[]) AS share, unnest(ms) AS ms
FROM quantiles
ORDER BY variant, share
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
class Window:
    """A window with the whole hours that are read from sums, from ``first`` to ``last``, if any.

    ``watermark``: the row number after the last summed request. ``unsummed``: the earliest time of a later row.
    ``is_open``: hours are read from sums, and the window ends after the last request. Without such hours, times are
    exact; with them, they are the middles of buckets.
    """

    since: datetime
    first: datetime
    last: datetime
    until: datetime
    watermark: int
    unsummed: datetime
    is_open: bool

    def variants(self, experiment: str | None) -> Query:
        """Figures by experiment and variant, of the requests that are analysed."""
        where = "analysed AND ($6 IS NULL OR experiment = $6)"
        return Query(self._timed(_VARIANTS, "experiment, variant", where), (*self._bounds, experiment))

    def reasons(self, experiment: str | None) -> Query:
        """Requests by experiment and reason."""
        return Query(REASONS, (*self._bounds, experiment))

    def routes(self, page: Page) -> Query:
        """Figures by route and by the deployment that was tried first."""
        sql = self._timed(_ROUTES, "route, deployment", "field = 'latency_ms'")
        return Query(sql, (*self._bounds, self.unsummed, page.rows, page.offset))

    def tries(self, experiment: str) -> Query:
        """The requests of an experiment by variant, and how many failed: at the variant, and for users."""
        return Query(_TRIES, (*self._bounds, experiment))

    def slots(self, experiment: str, origin_us: int, width_us: int) -> Query:
        """An experiment's figures by slot, counted from ``origin_us``, and variant. Slots consist of whole hours."""
        columns = f"{_SLOT} AS slot, variant"
        quantiles = _by_bucket("slot, variant", _OF_EXPERIMENT, _SHARES[:2], columns=columns)
        sql = _SLOTS.format(quantiles=quantiles)
        return Query(sql, (*self._bounds, experiment, origin_us, width_us))

    def latencies(self, experiment: str, shares: Sequence[float]) -> Query:
        """The latencies within which these shares of an experiment's requests were answered, by variant."""
        quantiles = _by_bucket("variant", _OF_EXPERIMENT, shares)
        sql = _SPREAD.format(quantiles=quantiles, shares=", ".join(map(str, shares)))
        return Query(sql, (*self._bounds, experiment))

    @property
    def is_summed(self) -> bool:
        """Whether hours are read from sums."""
        return self.first < self.last

    def _timed(self, sql: str, key: str, where: str) -> str:
        quantiles = _by_bucket(key, where, _SHARES) if self.is_summed else _EXACT.format(key=key, where=where)
        return sql.format(quantiles=quantiles)

    @property
    def _bounds(self) -> Sequence[object]:
        return (self.since, self.first, self.last, self.until, self.watermark)


def _by_bucket(key: str, where: str, shares: Sequence[float], *, columns: str = "") -> str:
    """``columns``: those of the key, if they are not columns of the sums."""
    ranks = ", ".join(f"min(bucket) FILTER (upto > {share} * last)" for share in shares)
    return _BY_BUCKET.format(key=key, columns=columns or key, where=where, ranks=ranks)


def window_of(database: Database, page: Page) -> Window:
    """The window, with its whole hours if they have many summed requests. Raises `StoreError`."""
    hour = page.since.replace(minute=0, second=0, microsecond=0)
    first = hour if hour == page.since else hour + timedelta(hours=1)
    last = page.until.replace(minute=0, second=0, microsecond=0)
    if first < last:
        ((watermark, requests, newest),) = database.rows(SUMMED, (first, last))
        if requests and requests >= MOST_DIRECT:
            unsummed = database.value(UNSUMMED, (watermark, page.until))
            return Window(page.since, first, last, page.until, int(watermark), unsummed, page.until > newest)
    return Window(page.since, page.until, page.until, page.until, 0, page.until, is_open=False)
