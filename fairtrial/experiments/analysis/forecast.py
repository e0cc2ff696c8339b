"""Estimates how many more units the primary metric needs, from the plan and the variation seen so far."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from fairtrial.domain.estimates import NotEnough
from fairtrial.experiments.analysis.exact import is_exact
from fairtrial.experiments.analysis.harm import scaled_difference
from fairtrial.experiments.analysis.plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.analysis.sums import MetricSums, Sums
from fairtrial.stats.always_valid import cases_for_bound
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.quantiles import QuantileSums
from fairtrial.stats.effects import monitorable

POWER = 0.8
STEPS = 30
RATE_UNITS, RATE_US = 100, 3_600_000_000
"""Fewer units, or a shorter time, do not show how fast units arrive."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The size that a comparison needs, in units of both arms.

    ``units`` count for the primary metric so far, and ``needed`` find the planned effect with `POWER`. ``waiting`` are
    enrolled, but their window of feedback is still open. ``expected_us``: when the needed units will be there at the
    average rate so far, or ``None`` if that is unknown.
    """

    units: int
    needed: int
    waiting: int
    expected_us: int | None

    @property
    def more(self) -> int:
        """The units that are still missing."""
        return max(0, self.needed - self.units)


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
    values, units = (units_behind(one) + units_behind(other), _complete(one) + _complete(other))
    needed = _planned(plan) if plan.planned_units is not None else _needed(plan, metric, (one, other))
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
    return Forecast(units, needed, waiting, expected)


def _planned(plan: AnalysisPlan) -> int:
    return ceil(plan.planned_units or 0.0)


def _needed(plan: AnalysisPlan, metric: MetricPlan, pair: tuple[MetricSums, MetricSums]) -> int | NotEnough:
    """The units with a value that bring the bound within the planned effect of the true one.

    The variance of the effect falls with the units, and the allowance for unseen units with their square. The number is
    therefore found by iteration.
    """
    if is_exact(plan, metric):
        return NotEnough("rare events are decided by their number", "a plan by fairtrial experiment plan")
    effect = monitorable(scaled_difference(metric, pair)(1.0))
    if isinstance(effect, NotEnough):
        return effect
    if not effect.variance > 0:
        return NotEnough("all units of both arms are alike, so that nothing shows how much they vary", "other units")
    alpha = plan.alpha_primary / 2 if metric.require == "superior" else plan.alpha_primary
    distance, tau = metric.margin_on_scale or 0.0, metric.tau or 0.0
    seen, unseen = effect.variance * effect.n, max(effect.unseen) * effect.n**2
    needed = cases_for_bound(distance, variance=seen, tau=tau, alpha=alpha, power=POWER)
    for _ in range(STEPS if unseen else 0):
        found = cases_for_bound(distance, variance=seen + unseen / needed, tau=tau, alpha=alpha, power=POWER)
        needed = ceil((needed + found) / 2)
    return needed


def units_behind(sums: MetricSums) -> int:
    """The units whose values a level is computed from."""
    return sums.given.n if isinstance(sums, Feedback) else _complete(sums)


def _complete(sums: MetricSums) -> int:
    """The units that count, with or without a value."""
    if isinstance(sums, Feedback):
        return sums.units
    if isinstance(sums, Amounts):
        return sums.capped.n
    return sums.users.n if isinstance(sums, QuantileSums) else sums.requests.n
