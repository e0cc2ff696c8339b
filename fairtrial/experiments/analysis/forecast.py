"""Estimates how many more units the primary metric needs, from the plan and the variation seen so far."""

from __future__ import annotations

from math import ceil

from fairtrial.domain.estimates import Forecast, NotEnough
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.methods.kinds import METHODS
from fairtrial.experiments.methods.questions import planned_size, power_of_each
from fairtrial.experiments.sums import MetricSums, Sums
from fairtrial.stats.arms.feedback import Feedback

RATE_UNITS, RATE_US = 100, 3_600_000_000
"""Fewer units, or a shorter time, do not show how fast units arrive."""


def forecast(plan: AnalysisPlan, variant: str, sums: Sums) -> Forecast | NotEnough:
    """The size that the comparison of ``variant`` with the control needs; `NotEnough` says why it is unknown.

    A superior treatment is assumed to be better by the planned effect, and one that is not worse to be equal. The
    variance of one unit is that of the units so far, and stays the same.
    """
    metric = plan.primary
    if metric is None:
        return NotEnough("the experiment has no primary metric", "a primary metric")
    arms = sums.arms[plan.control], sums.arms[variant]
    one, other = (arm.metrics.get(metric.metric) for arm in arms)
    if one is None or other is None or not metric.margin_on_scale or metric.tau is None:
        return NotEnough("no unit of both arms shows the primary metric yet", "units that show it")
    method = METHODS[metric.method]
    units, values = (sum(both) for both in zip(method.units(one), method.units(other), strict=True))
    response = values / units if values else 1.0
    size = planned_size(plan, metric, variant, response=response) or plan.planned_units
    needed = method.needed(plan, metric, (one, other)) if size is None else ceil(size)
    if isinstance(needed, NotEnough):
        return needed
    needed = ceil(needed * units / values) if values else needed
    enrolled = sum(arm.units for arm in arms)
    waiting = max(0, enrolled - units) if isinstance(one, Feedback) else 0
    missing = max(0, needed - units - waiting)
    elapsed = sums.at_us - plan.from_us
    expected = None
    if units < needed and enrolled >= RATE_UNITS and elapsed >= RATE_US:
        window_us = 1e6 * (metric.window_seconds or 0.0)
        expected = sums.at_us + round(missing * elapsed / enrolled + window_us)
    return Forecast(units, needed, waiting, expected, power_of_each(plan))


def units_behind(metric: MetricPlan, sums: MetricSums) -> int:
    """The units whose values a level is computed from."""
    return METHODS[metric.method].behind_level(sums)
