"""Summarises one experiment's traffic: over time, its latencies, and errors per try and per call of the client."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from fairtrial.domain.limits.constants import microseconds
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import ANALYSED, Page, Query

WIDTHS_S = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800)
"""Slot widths that give readable axes. For longer windows the last one is doubled."""
MOST_SLOTS = 60
SHARES = (0.01, 0.05, *(round(0.1 * tenth, 1) for tenth in range(1, 10)), 0.95, 0.99)

SPAN = f"""
SELECT min(at_time), max(at_time)
FROM requests
WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND {ANALYSED}
"""  # noqa: S608 - ours

SLOTS = f"""
SELECT * EXCLUDE (latency), latency[1] AS latency_p50, latency[2] AS latency_p95
FROM (
    SELECT (epoch_us(at_time) - $4::BIGINT) // $5::BIGINT AS slot, variant_assigned AS variant, count(*) AS requests,
        count(*) FILTER (arm_outcome = 'failed') AS errors, count(*) FILTER (user_outcome = 'failed') AS user_errors,
        count(*) FILTER (arm_outcome = 'kept_away') AS kept_away,
        quantile_cont(latency_ms, [0.5, 0.95]) AS latency
    FROM requests
    WHERE at_time >= $1 AND at_time <= $2 AND experiment = $3 AND {ANALYSED}
    GROUP BY slot, variant
)
"""  # noqa: S608 - ours

LATENCIES = f"""
SELECT variant_assigned AS variant, unnest($4::DOUBLE[]) AS share, unnest(quantile_cont(latency_ms, $4::DOUBLE[])) AS ms
FROM requests
WHERE at_time >= $1 AND at_time <= $2 AND experiment = $3 AND {ANALYSED}
    AND latency_ms IS NOT NULL
GROUP BY variant_assigned
ORDER BY variant, share
"""  # noqa: S608 - ours
LONGEST_WAIT_S = 150
"""Seconds from the end of a try to the next one, at most.

The official client waits at most 8 s, or 120 s if ``Retry-After`` says so. The rest is for its connection.
"""

ERRORS = f"""
WITH tries AS (
    SELECT variant_assigned AS variant, exposed_unit AS unit, coalesce(prompt_digest, '') AS prompt,
        retry_ordinal > 0 AS again, (at_time, request_id) AS place, at_time,
        at_time + to_microseconds((coalesce(latency_ms, 0) * 1000)::BIGINT) AS ended,
        arm_outcome IS DISTINCT FROM 'kept_away' AS received, arm_outcome = 'failed' AS failed,
        user_outcome = 'failed' AS user_failed
    FROM requests
    WHERE at_time >= $1 AND at_time < $2 AND experiment = $3 AND {ANALYSED}
), repeated AS (
    SELECT DISTINCT unit, prompt FROM tries WHERE again
), parted AS (
    SELECT *, coalesce(again AND at_time - lag(ended) OVER following <= to_seconds($4), false) AS continues
    FROM tries SEMI JOIN repeated USING (unit, prompt)
    WINDOW following AS (PARTITION BY unit, prompt ORDER BY place)
), numbered AS (
    SELECT *, count(*) FILTER (NOT continues) OVER (PARTITION BY unit, prompt ORDER BY place) AS call FROM parted
), calls AS (
    SELECT variant, count(*) FILTER (received) AS tries, count(*) FILTER (failed) AS failed_tries, count(*) AS sent,
        count(*) FILTER (user_failed) AS user_failed_tries, bool_or(received) AS received,
        arg_max(failed, place) FILTER (received) AS failed, arg_max(user_failed, place) AS user_failed
    FROM numbered
    GROUP BY variant, unit, prompt, call
    UNION ALL
    SELECT variant, received::INTEGER, (failed IS TRUE)::INTEGER, 1, (user_failed IS TRUE)::INTEGER, received, failed,
        user_failed
    FROM tries ANTI JOIN repeated USING (unit, prompt)
)
SELECT variant, sum(tries)::BIGINT AS tries, sum(failed_tries)::BIGINT AS failed_tries,
    count(*) FILTER (received) AS calls, count(*) FILTER (failed) AS failed_calls,
    sum(sent)::BIGINT AS user_tries, sum(user_failed_tries)::BIGINT AS user_failed_tries,
    count(*) AS user_calls, count(*) FILTER (user_failed) AS user_failed_calls
FROM calls
GROUP BY variant
ORDER BY variant
"""  # noqa: S608 - ours
"""Only tries of a unit and prompt that were repeated at all are put in order; each other one is a call by itself."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One variant in the slot that begins at ``at_us``; latencies are ``None`` if there were no requests.

    ``errors`` are those of the arm, ``user_errors`` those that callers saw. ``kept_away``: those that an open
    breaker kept from the arm. `VariantTraffic` has more figures, which few requests do not show.
    """

    at_us: int
    variant: str
    requests: int
    errors: int
    user_errors: int
    kept_away: int
    latency_p50: float | None
    latency_p95: float | None


@dataclass(frozen=True, slots=True)
class Latency:
    """``share`` of the variant's requests were answered within ``ms``."""

    variant: str
    share: float
    ms: float


@dataclass(frozen=True, slots=True)
class Series:
    """Slots of ``width_s`` seconds, one row for each variant in each, and the distribution of latencies."""

    width_s: int
    slots: tuple[Slot, ...]
    latencies: tuple[Latency, ...]


def series(database: Database, page: Page, *, experiment: str) -> Series:
    """One experiment in the window, in at most 60 slots from its first to its last request."""
    ((first, last),) = database.rows(SPAN, (page.since, page.until, experiment))
    if first is None:
        return Series(WIDTHS_S[0], (), ())
    width_s = width_for((last - first).total_seconds())
    origin_us = microseconds(first) // (width_s * 1_000_000) * width_s * 1_000_000
    rows = database.rows(SLOTS, (first, last, experiment, origin_us, width_s * 1_000_000))
    latencies = database.values(Latency, LATENCIES, (first, last, experiment, list(SHARES)))
    known = {(slot, variant): numbers for slot, variant, *numbers in rows}
    variants = sorted({variant for _, variant in known})
    slots = range(max((slot for slot, _ in known), default=-1) + 1)
    return Series(
        width_s,
        tuple(
            Slot(origin_us + slot * width_s * 1_000_000, variant, *known.get((slot, variant), (0, 0, 0, 0, None, None)))
            for slot, variant in product(slots, variants)
        ),
        tuple(latencies),
    )


def width_for(seconds: float) -> int:
    """The smallest readable width that needs at most 60 slots."""
    for width in WIDTHS_S:
        if seconds / width < MOST_SLOTS - 1:
            return width
    width = WIDTHS_S[-1]
    while seconds / width >= MOST_SLOTS - 1:
        width *= 2
    return width


@dataclass(frozen=True, slots=True)
class VariantErrors:
    """How often one variant failed. Tries that a breaker kept from it count only in the last four: what users saw."""

    variant: str
    tries: int
    failed_tries: int
    calls: int
    failed_calls: int
    user_tries: int
    user_failed_tries: int
    user_calls: int
    user_failed_calls: int


def errors_by_variant(database: Database, page: Page, experiment: str) -> list[VariantErrors]:
    """The errors of each variant with requests in the window, on enrolled units only."""
    rows = database.dicts(Query(ERRORS, (page.since, page.until, experiment, LONGEST_WAIT_S)))
    return [VariantErrors(**row) for row in rows]
