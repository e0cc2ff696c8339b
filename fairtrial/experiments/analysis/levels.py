"""Estimates the level of one arm with an interval that is valid at all looks, for limits on the level itself."""

from __future__ import annotations

from dataclasses import replace

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.experiments.analysis.findings import UNKNOWN_LEVEL
from fairtrial.experiments.analysis.plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.analysis.sums import MetricSums
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.means import mean
from fairtrial.stats.arms.quantiles import QuantileSums, quantile_level
from fairtrial.stats.arms.ratios import ratio
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.error_guardrail import RequestErrors


def level_interval(plan: AnalysisPlan, metric: MetricPlan, sums: MetricSums) -> Estimate | NotEnough:
    """The arm's level on the metric's scale, with a two-sided interval at the attempt's alpha and the plan's τ.

    A level of feedback is that of the units that gave some. Requests that a breaker kept from the arm count as bad.
    """
    if metric.tau is None:
        return NotEnough(UNKNOWN_LEVEL, "a stated baseline, or more units of the control")
    found = always_valid(_effect(metric, sums), tau=metric.tau, level=1 - plan.alpha_attempt)
    if isinstance(found, NotEnough) or metric.method != "events" or metric.better == "lower":
        return found
    return replace(found, value=1 - found.value, low=1 - found.high, high=1 - found.low)


def _effect(metric: MetricPlan, sums: MetricSums) -> Effect | NotEnough:
    if isinstance(sums, RequestErrors):
        return ratio(sums.for_safety, cap=sums.cap)
    if isinstance(sums, Amounts):
        return mean(sums.capped, within=sums.within)
    if isinstance(sums, QuantileSums):
        return quantile_level(sums)
    return mean(sums.given, within=metric.within)
