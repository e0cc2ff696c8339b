"""Summarises one experiment's traffic over time, with the latencies of each variant."""

from itertools import product

from fairtrial.api.experiment_traffic import Latency, Series, Slot
from fairtrial.domain.limits.constants import HOUR_US, SECOND_US, microseconds
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import ANALYSED, Page, Query
from fairtrial.store.traffic.summed_traffic import window_of

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


def series(database: Database, page: Page, *, experiment: str) -> Series:
    """One experiment in the window, in at most 60 slots from its first to its last request; raises `StoreError`."""
    ((first, last),) = database.rows(SPAN, (page.since, page.until, experiment))
    if first is None:
        return Series(WIDTHS_S[0], (), ())
    width_s = width_for((last - first).total_seconds())
    width_us = width_s * SECOND_US
    origin_us = microseconds(first) // width_us * width_us
    window = window_of(database, page)
    if window.is_summed and width_us % HOUR_US == 0:
        by_slot, by_share = window.slots(experiment, origin_us, width_us), window.latencies(experiment, SHARES)
    else:
        by_slot = Query(SLOTS, (first, last, experiment, origin_us, width_us))
        by_share = Query(LATENCIES, (first, last, experiment, list(SHARES)))
    known = {(slot, variant): numbers for slot, variant, *numbers in database.rows(by_slot.sql, by_slot.parameters)}
    variants = sorted({variant for _, variant in known})
    slots = range(max((slot for slot, _ in known), default=-1) + 1)
    return Series(
        width_s,
        tuple(
            Slot(
                *known.get((slot, variant), (0, 0, 0, 0, None, None)),
                at_us=origin_us + slot * width_us,
                variant=variant,
            )
            for slot, variant in product(slots, variants)
        ),
        tuple(database.values(Latency, by_share.sql, by_share.parameters)),
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
