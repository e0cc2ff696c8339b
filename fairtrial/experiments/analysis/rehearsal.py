"""Rehearses one look at a plan, so that a file is refused whose experiment the monitor could not look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import inf

from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.sums import ArmSums, MetricSums, Sums
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.quantiles import QuantileSums
from fairtrial.stats.sequential.error_guardrail import ErrorShares, RequestErrors
from fairtrial.stats.sequential.unit_shares import UnitShares
from fairtrial.stats.sums import Moments

UNITS, LEVEL, CAP = 40, 0.1, 50.0


def uncomputable(plan: AnalysisPlan) -> Iterator[tuple[str, str]]:
    """Each metric that a look can't compute, with the reason, before its level is known or afterwards."""
    for metric in plan.metrics:
        for level in (metric.level, metric.level or LEVEL):
            one = replace(metric, level=level)
            arm = ArmSums(UNITS, UNITS, {metric.metric: _sums(one)})
            try:
                find(replace(plan, metrics=(one,), planned_units=None), Sums(1, dict.fromkeys(plan.shares, arm)))
            except (ValueError, TypeError, ZeroDivisionError) as error:
                yield metric.metric, str(error)
                break


def _sums(metric: MetricPlan) -> MetricSums:
    """Sums of units of which every fourth shows the event, or an average value."""
    few = [float(number % 4 == 0) for number in range(UNITS)]
    low, high = metric.within
    middle = (low + high) / 2 if high < inf else LEVEL
    if metric.counts_requests:
        found = RequestErrors.of(few, [1.0] * UNITS, cap=metric.cap or CAP)
        each = UnitShares.of(few, [1.0] * UNITS, luck=[0.0] * UNITS)
        return replace(found, shares=ErrorShares(each, each, found.requests))
    if metric.method == "amount":
        cap = metric.cap or 10 * LEVEL
        return Amounts(Moments.of([min(middle, cap)] * UNITS), 0, cap)
    if metric.method == "quantile":
        return QuantileSums.of([100.0 + number for number in range(UNITS)], None, 0.95)
    return Feedback(UNITS, Moments.of([low if one else middle for one in few]), metric.window_seconds or 0.0)
