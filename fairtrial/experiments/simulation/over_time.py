"""Computes the primary metric of simulated units by whole week, as the store reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fairtrial.domain.limits.constants import WEEK_US
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.simulation.course import FAILING, Requests
from fairtrial.experiments.simulation.people import Floats, Ints
from fairtrial.experiments.sums import Level, Levels, OverTime
from fairtrial.stats.arms.means import mean
from fairtrial.stats.arms.quantiles import QuantileSums, quantile_level
from fairtrial.stats.sums import Moments

WeeksReader = Callable[[int], OverTime | None]


@dataclass(frozen=True, slots=True)
class Values:
    """What each unit's ``value`` was at ``at_us``; a unit may have several."""

    unit: Ints
    at_us: Ints
    value: Floats


def request_values(metric: MetricPlan, sent: Requests) -> Values:
    """The values of the requests of one arm."""
    if metric.counts_requests:
        bad = sent.failed & (CATALOGUE[metric.metric].over in FAILING)
        value = (bad if metric.better == "lower" else ~bad).astype(np.float64)
    else:
        value = sent.cost if metric.method == "amount" else np.where(sent.failed, np.inf, sent.latency)
    return Values(sent.unit, sent.at_us, value)


def weeks_reader(plan: AnalysisPlan, metric: MetricPlan, values: Values, first_us: Ints) -> WeeksReader:
    """The function that reads the whole weeks at a time. ``first_us``: when each unit was first exposed."""
    known: dict[int, OverTime] = {}
    week, age = (values.at_us - plan.from_us) // WEEK_US, (values.at_us - first_us[values.unit]) // WEEK_US

    def read(now_us: int) -> OverTime | None:
        weeks = plan.whole_weeks(now_us)
        if weeks and weeks not in known:
            counts = (week >= 0) & (week < weeks) & (metric.method != "given")
            ages = _levels(metric, values, np.where(counts, age, -1), weeks)
            known[weeks] = OverTime(_levels(metric, values, week, weeks), ages)
        return known.get(weeks)

    return read


def _levels(metric: MetricPlan, values: Values, number: Ints, weeks: int) -> Levels:
    return tuple(_level(metric, values.unit[number == one], values.value[number == one]) for one in range(weeks))


def _level(metric: MetricPlan, unit: Ints, value: Floats) -> Level | None:
    """The level of the units in one week, each with the mean or the sum of its values."""
    if not len(unit):
        return None
    if metric.method == "quantile":
        users = [str(one) for one in unit]
        return Level.of(quantile_level(QuantileSums.of(value, users, CATALOGUE[metric.metric].nu)))
    _, index, count = np.unique(unit, return_inverse=True, return_counts=True)
    total = np.bincount(index, weights=value)
    if metric.method != "amount":
        return Level.of(mean(Moments.of(total / count)))
    each = total / count if CATALOGUE[metric.metric].per else total
    return Level.of(mean(Moments.of(np.minimum(each, metric.cap or np.inf))))
