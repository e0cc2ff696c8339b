"""Reads the sums for quantiles of each arm from the requests of its units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtrial.domain.metrics import CATALOGUE
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.stats.arms.quantiles import QuantileSums, quantile_ranks
from fairtrial.stats.sums import JointMoments
from fairtrial.store.core.database import Cursor
from fairtrial.store.core.query import ANALYSED
from fairtrial.store.experiments.sums import unit_groups

MOST = 400_000
"""The most requests that are read. If there are more, the requests of a share of the units are read."""
STEP = 0.001
"""Latencies are stored in milliseconds with three decimals."""
FIELDS = ("latency_ms", "ttft_ms")
VALUE = """CASE WHEN arm_outcome IN ('failed', 'kept_away') OR outcome = 'cancelled'
    OR coalesce(latency_censored, false) THEN 'inf'::DOUBLE ELSE {column} END AS {column}"""
"""A failure and a request whose caller left count as infinitely slow; an unknown latency is NULL.

A request that a breaker kept from its arm says nothing about the arm's latency. Only plans of rules 1 and 2 count it.
"""
VALUES = ", ".join(VALUE.format(column=column) for column in FIELDS)
OF_UNITS = f"""requests r JOIN temp.plan_units u ON u.key = hash(r.exposed_unit)
WHERE r.at_time >= $from AND r.at_time >= u.since AND r.experiment = $experiment
    AND list_contains($hashes::VARCHAR[], r.analysis_hash) AND r.{ANALYSED} AND r.experiment_state = 'running'"""
"""The analysed requests of the units that `unit_groups.keep` has kept."""
READ = f"""
SELECT u.key, u.arm, u.early, epoch_us(u.since) AS since, epoch_us(r.at_time) AS at_us, {VALUES}
FROM {OF_UNITS}
    AND (r.arm_outcome IS DISTINCT FROM 'kept_away' OR NOT $apart)
"""  # noqa: S608 - ours

Columns = Mapping[str, NDArray[Any]]


def read_quantiles(
    cursor: Cursor, plan: AnalysisPlan, hashes: Sequence[str], metrics: Sequence[MetricPlan], *, requests: int
) -> dict[tuple[int, str], QuantileSums]:
    """The sums by the index of the arm in the plan, and metric; without entries for arms without values.

    ``requests``: how many there are. The share of the units that is read depends on nothing else, and a smaller share
    is a part of a larger one.
    """
    values = read_values(cursor, plan, hashes, requests)
    found: dict[tuple[int, str], QuantileSums] = {}
    for metric in metrics:
        counts = values["since"] >= metric.from_us
        if metric.role == "primary":
            counts &= ~values["early"]
        for index in range(len(plan.shares)):
            sums = quantile_of(values, counts & (values["arm"] == index), metric)
            if sums is not None:
                found[index, metric.metric] = sums
    return found


def quantile_of(values: Columns, chosen: NDArray[np.bool_], metric: MetricPlan) -> QuantileSums | None:
    """The sums of the chosen rows; ``None`` without values. As `QuantileSums.of`, for numbers as the names of units."""
    known = CATALOGUE[metric.metric]
    column = np.ma.filled(values[known.column].astype(np.float64), np.nan)
    chosen = chosen & ~np.isnan(column)
    value, keys = column[chosen], values["key"][chosen]
    if len(value) == 0:
        return None
    ranks = np.array(quantile_ranks(len(value), known.nu)) - 1
    lower, middle, upper = (float(at) for at in np.partition(value, ranks)[ranks])
    _, units = np.unique(keys, return_inverse=True)
    below = np.bincount(units, weights=value <= middle)
    users = JointMoments.of(below, np.bincount(units))
    return QuantileSums(known.nu, middle, lower, upper, users, STEP)


def read_values(cursor: Cursor, plan: AnalysisPlan, hashes: Sequence[str], requests: int) -> Columns:
    """The values of the kept units, one row for each of their ``requests``, or for those of a share of the units."""
    share = max(1, unit_groups.SHARES * MOST // requests) if requests > MOST else None
    bound = unit_groups.bound(plan, hashes)
    chosen = {"apart": plan.counts_kept_away_apart} | ({} if share is None else {"share": share})
    sql = READ if share is None else READ + unit_groups.SHARE.format(unit="r.exposed_unit")
    asked = {name: bound[name] for name in ("experiment", "hashes", "from")} | chosen
    found = cursor.execute(sql, asked).fetchnumpy()
    return {name: np.asarray(column) if name not in FIELDS else column for name, column in found.items()}


def value_of(sums: QuantileSums) -> float | None:
    """The quantile; ``None`` where a failure has its rank."""
    return sums.value if sums.value < inf else None
