"""Traffic by experiment and variant, by intention to treat: units count for the arm that they were assigned."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from fairtrial.store.database import Database
from fairtrial.store.query import Page, Query

VARIANTS = """
WITH analysed AS (
    SELECT request_id, experiment, assigned, unit, reason
    FROM exposures
    WHERE at_time >= $1 AND at_time < $2 AND ($3 IS NULL OR experiment = $3)
        AND enrolled AND reason IN ('assigned', 'fallback', 'kill', 'continued')
)
SELECT a.experiment, a.assigned AS variant, count(DISTINCT a.unit) AS units, count(*) AS requests,
    count(*) FILTER (r.arm_outcome = 'failed') AS errors, count(*) FILTER (r.user_outcome = 'failed') AS user_errors,
    count(*) FILTER (r.arm_outcome = 'rejected') AS rejected, count(*) FILTER (a.reason = 'fallback') AS fallbacks,
    quantile_cont(r.latency_ms, 0.5) AS latency_p50, quantile_cont(r.latency_ms, 0.95) AS latency_p95,
    quantile_cont(r.latency_ms, 0.99) AS latency_p99, quantile_cont(r.ttft_ms, 0.5) AS ttft_p50,
    quantile_cont(r.ttft_ms, 0.95) AS ttft_p95, quantile_cont(r.ttft_ms, 0.99) AS ttft_p99,
    sum(r.tokens_in)::BIGINT AS tokens_in, sum(r.tokens_out)::BIGINT AS tokens_out,
    CASE WHEN bool_and(r.cost_usd IS NOT NULL OR r.outcome <> 'ok') THEN sum(r.cost_usd)::DOUBLE END AS cost_usd,
    count(*) FILTER (r.cost_usd IS NULL AND r.outcome = 'ok') AS cost_unknown,
    count(*) FILTER (r.variant_served <> a.assigned) AS served_elsewhere
FROM analysed a JOIN requests r ON r.request_id = a.request_id
WHERE r.at_time >= $1 AND r.at_time < $2
GROUP BY a.experiment, a.assigned
ORDER BY a.experiment, a.assigned
"""

FEEDBACK = """
WITH analysed AS (
    SELECT request_id, experiment, assigned, unit
    FROM exposures
    WHERE at_time >= $1 AND at_time < $2 AND ($3 IS NULL OR experiment = $3)
        AND enrolled AND reason IN ('assigned', 'fallback', 'kill', 'continued')
), said AS (
    SELECT a.experiment, a.assigned, a.request_id AS subject, f.key, f.at_time, f.feedback_id,
        coalesce(f.boolean::INTEGER::DOUBLE, f.number) AS value
    FROM feedback f JOIN analysed a ON a.request_id = f.subject
    WHERE f.at_time >= $1 AND f.attribution = 'request'
    UNION ALL
    SELECT u.experiment, u.assigned, u.unit, f.key, f.at_time, f.feedback_id,
        coalesce(f.boolean::INTEGER::DOUBLE, f.number)
    FROM feedback f JOIN (SELECT DISTINCT experiment, assigned, unit FROM analysed) u ON u.unit = f.unit
    WHERE f.at_time >= $1 AND f.attribution = 'unit' AND list_contains(f.experiments, u.experiment)
), latest AS (
    SELECT experiment, assigned, key, subject, arg_max(value, (at_time, feedback_id)) AS value
    FROM said
    GROUP BY experiment, assigned, key, subject
)
SELECT experiment, assigned, key, count(*), count(value), avg(value)
FROM latest
GROUP BY experiment, assigned, key
ORDER BY experiment, assigned, key
"""
"""Only feedback that `attribution` found a request or a unit for; the latest value of each counts."""

AMBIGUOUS = """
SELECT experiment, key, count(*)
FROM (
    SELECT unnest(experiments) AS experiment, key
    FROM feedback
    WHERE at_time >= $1 AND at_time < $2 AND attribution = 'ambiguous'
)
WHERE $3 IS NULL OR experiment = $3
GROUP BY experiment, key
ORDER BY experiment, key
"""

REASONS = """
SELECT experiment, reason, count(*)
FROM exposures
WHERE at_time >= $1 AND at_time < $2 AND ($3 IS NULL OR experiment = $3)
GROUP BY experiment, reason
ORDER BY experiment, reason
"""

ROUTES = """
SELECT r.route, coalesce(a.deployment, r.deployment) AS deployment, count(*) AS requests,
    count(*) FILTER (r.arm_outcome = 'failed') AS errors, count(*) FILTER (r.user_outcome = 'failed') AS user_errors,
    count(*) FILTER (r.arm_outcome = 'rejected') AS rejected, count(*) FILTER (r.reason = 'fallback') AS fallbacks,
    quantile_cont(r.latency_ms, 0.5) AS latency_p50, quantile_cont(r.latency_ms, 0.95) AS latency_p95
FROM requests r LEFT JOIN (
    SELECT request_id, deployment FROM attempts WHERE ordinal = 0 AND at_time >= $1
) a ON a.request_id = r.request_id
WHERE r.at_time >= $1 AND r.at_time < $2
GROUP BY r.route, coalesce(a.deployment, r.deployment)
ORDER BY requests DESC, route
LIMIT $3 OFFSET $4
"""
"""By the deployment that was asked first: its errors are its own, though another one may have answered."""


@dataclass(frozen=True, slots=True)
class KeyFeedback:
    """Feedback under one key: ``n`` requests or units that have some, ``rated`` with a number, their mean ``rate``.

    The latest value of a request counts. ``rate`` is the share of yes for a boolean key, ``None`` if only words came.
    """

    n: int
    rated: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class VariantTraffic:
    """One arm of one experiment; milliseconds, and US dollars (``None`` if any answer's cost is unknown).

    ``errors``: requests that the arm did not answer, even if a fallback did; ``user_errors``: requests that nobody
    answered. ``rejected``: requests that only the upstream refused, which are not errors.
    """

    variant: str
    units: int
    requests: int
    errors: int
    user_errors: int
    rejected: int
    fallbacks: int
    latency_p50: float | None
    latency_p95: float | None
    latency_p99: float | None
    ttft_p50: float | None
    ttft_p95: float | None
    ttft_p99: float | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    cost_unknown: int
    served_elsewhere: int
    feedback: dict[str, KeyFeedback]

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.requests if self.requests else None


@dataclass(frozen=True, slots=True)
class Traffic:
    """One experiment: its arms, and how many requests each reason had; ``no_unit`` is an alarm.

    ``ambiguous``: by feedback key, how many values name a response id that several requests have; they count nowhere.
    """

    experiment: str
    variants: tuple[VariantTraffic, ...]
    reasons: dict[str, int]
    ambiguous: dict[str, int] = field(default_factory=dict)


def by_variant(database: Database, page: Page, *, experiment: str | None = None) -> list[Traffic]:
    """Traffic of each experiment that had any in the window; plain rates, on enrolled units only."""
    bounds = (page.since, page.until, experiment)
    feedback = _feedback(database, bounds)
    variants: dict[str, list[VariantTraffic]] = defaultdict(list)
    for row in database.dicts(Query(VARIANTS, bounds)):
        name = row.pop("experiment")
        variants[name].append(VariantTraffic(**row, feedback=feedback.get((name, row["variant"]), {})))
    reasons: dict[str, dict[str, int]] = defaultdict(dict)
    for name, reason, count in database.rows(REASONS, bounds):
        reasons[name][reason] = count
    ambiguous: dict[str, dict[str, int]] = defaultdict(dict)
    for name, key, count in database.rows(AMBIGUOUS, bounds):
        ambiguous[name][key] = count
    return [
        Traffic(name, tuple(variants[name]), dict(reasons[name]), dict(ambiguous[name])) for name in sorted(reasons)
    ]


def by_route(page: Page) -> Query:
    """What each route and deployment served, experiments or not."""
    return Query(ROUTES, (page.since, page.until, page.rows, page.offset))


def _feedback(database: Database, bounds: tuple[object, ...]) -> dict[tuple[str, str], dict[str, KeyFeedback]]:
    found: dict[tuple[str, str], dict[str, KeyFeedback]] = defaultdict(dict)
    for experiment, assigned, key, n, rated, rate in database.rows(FEEDBACK, bounds):
        found[experiment, assigned][key] = KeyFeedback(n, rated, rate)
    return found
