"""Reads the feedback of each arm, one value for each unit, and the sums for quantiles from its units' requests."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fairtrial.domain.metrics import CATALOGUE
from fairtrial.experiments.analysis_plan import AnalysisPlan, Interruption
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums, quantile_ranks
from fairtrial.stats.sums import JointMoments, Moments
from fairtrial.store.core.query import ANALYSED, timestamp
from fairtrial.store.core.thread_access import Cursor
from fairtrial.store.experiments.sums import unit_groups

LATE_US = 5_000_000
"""How late feedback may reach the store after it was given."""
PREFIX, SUFFIX = "feedback.", ".given"
VALUE = "least(greatest(coalesce(boolean::INT::DOUBLE, number), $low), $high)"
"""A value outside the metric's range counts as the nearest value within it."""
SAID = f"""
    SELECT due.key, arg_max({VALUE}, (f.at_time, f.feedback_id)) AS value, max(f.at_time) AS at_time,
        coalesce(max(f.subject_time), max(f.at_time)) AS about
    FROM feedback f JOIN due ON due.key = hash(CASE WHEN f.attribution = 'unit' THEN f.unit ELSE f.subject_unit END)
    WHERE f.key = $key AND f.at_time >= $from AND f.at_time >= due.since AND f.at_time <= due.until
        AND coalesce(f.boolean::INT::DOUBLE, f.number) IS NOT NULL
        AND ((f.attribution = 'request' AND f.subject_experiment = $experiment AND f.subject_time >= due.since)
            OR (f.attribution = 'unit' AND list_contains(f.experiments, $experiment)))
    GROUP BY due.key, f.attribution, f.subject
"""  # noqa: S608 - ours
"""The last value about each subject of the units ``due``, between their times ``since`` and ``until``.

``about``: the time of the request that it is about, or its own.
"""
READ = f"""
WITH due AS (
    SELECT key, arm, since, since + to_microseconds($window) AS until
    FROM temp.plan_units
    WHERE {{counts}}
), said AS ({SAID}), given AS (
    SELECT key, avg(value) AS value FROM said WHERE {{running}} GROUP BY key
)
SELECT arm, count(*), count(value), coalesce(sum(value), 0), coalesce(sum(value * value), 0)
FROM due LEFT JOIN given USING (key)
GROUP BY arm
"""  # noqa: S608 - ours
MOST = 400_000
"""The most requests that are read. If there are more, the requests of a share of the units are read."""
STEP = 0.001
"""Latencies are stored in milliseconds with three decimals."""
FIELDS = ("latency_ms", "ttft_ms")
QUANTILE_VALUE = """CASE WHEN arm_outcome IN ('failed', 'kept_away') OR outcome = 'cancelled'
    OR coalesce(latency_censored, false) THEN 'inf'::DOUBLE ELSE {column} END AS {column}"""
"""A failure and a request whose caller left count as infinitely slow; an unknown latency is NULL.

A request that a breaker kept from its arm says nothing about the arm's latency.
"""
OF_UNITS = f"""requests r JOIN temp.plan_units u ON u.key = hash(r.exposed_unit)
WHERE r.at_time >= $from AND r.at_time >= u.since AND r.experiment = $experiment
    AND list_contains($hashes::VARCHAR[], r.analysis_hash) AND r.{ANALYSED} AND r.experiment_state = 'running'"""
"""The analysed requests of the units that `unit_groups.keep` has kept."""

Columns = Mapping[str, NDArray[Any]]


def read_feedback(
    cursor: Cursor,
    plan: AnalysisPlan,
    metrics: Sequence[MetricPlan],
    *,
    at: tuple[int, Sequence[Interruption]],
) -> dict[tuple[int, str], Feedback]:
    """The sums by the index of the arm in the plan, and metric; arms without complete windows have no entry.

    `unit_groups.keep` must have kept the units.

    ``at``: the time of the look, and the interruptions of the segment.
    """
    now_us, interruptions = at
    since = timestamp(plan.counts_from_us)
    sums: dict[tuple[int, str], Feedback] = {}
    for metric in metrics:
        window = metric.window_seconds
        if not window or plan.counts_from_us + round(window * 1_000_000) > now_us - LATE_US:
            continue  # no unit counts from before the plan, so no window is complete
        parameters = values_of(metric, window) | {"experiment": plan.experiment, "from": since}
        over = unit_groups.complete(
            round(window * 1_000_000), now_us - LATE_US, unit_groups.cutting(plan, interruptions)
        )
        counts = f"{unit_groups.counts(plan, metric)} AND {over}"
        for arm, units, n, x, xx in cursor.execute(
            READ.format(counts=counts, running=unit_groups.while_running(interruptions)), parameters
        ).fetchall():
            given = Moments(units, n, n) if metric.method == "given" else Moments(n, x, xx)
            sums[arm, metric.metric] = Feedback(units, given, window)
    return sums


def key_of(metric: MetricPlan) -> str:
    """The key of the feedback that a metric reads."""
    key = metric.metric.removeprefix(PREFIX)
    return key.removesuffix(SUFFIX) if metric.method == "given" else key


def values_of(metric: MetricPlan, window: float) -> dict[str, Any]:
    """The parameters of one metric: its key, range and window."""
    low, high = metric.within
    return {"key": key_of(metric), "low": float(low), "high": float(high), "window": round(window * 1_000_000)}


VALUES = ", ".join(QUANTILE_VALUE.format(column=column) for column in FIELDS)
QUANTILES = f"""
SELECT u.key, u.arm, u.early, epoch_us(u.since) AS since, epoch_us(r.at_time) AS at_us, {VALUES}
FROM {OF_UNITS}
    AND r.arm_outcome IS DISTINCT FROM 'kept_away'
"""  # noqa: S608 - ours


def read_quantiles(
    cursor: Cursor,
    plan: AnalysisPlan,
    hashes: Sequence[str],
    metrics: Sequence[MetricPlan],
    *,
    requests: int,
    groups: int = 1,
) -> dict[tuple[int, str], QuantileSums]:
    """The sums by the index of the arm in the plan, and metric; without entries for arms without values.

    ``groups``: as in `SumsOfUnits.arms`. ``requests``: how many there are. The share of the units that is read depends
    on nothing else, and a smaller share is a part of a larger one.
    """
    values = read_values(cursor, plan, hashes, requests)
    quantiles: dict[tuple[int, str], QuantileSums] = {}
    for metric in metrics:
        counts = values["since"] >= metric.from_us
        if metric.role == "primary":
            counts &= ~values["early"]
        for index in range(groups * len(plan.shares)):
            sums = quantile_of(values, counts & (values["arm"] == index), metric)
            if sums is not None:
                quantiles[index, metric.metric] = sums
    return quantiles


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
    chosen: dict[str, object] = {} if share is None else {"share": share}
    sql = QUANTILES if share is None else QUANTILES + unit_groups.SHARE.format(unit="r.exposed_unit")
    parameters = {name: bound[name] for name in ("experiment", "hashes", "from")} | chosen
    columns = cursor.execute(sql, parameters).fetchnumpy()
    return {name: np.asarray(column) if name not in FIELDS else column for name, column in columns.items()}


def value_of(sums: QuantileSums) -> float | None:
    """The quantile; ``None`` where a failure has its rank."""
    return sums.value if sums.value < inf else None
