"""Defines what every method offers: to decide a look, to estimate levels, and to say how many units are missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.methods.finding import Answer, Finding
from fairtrial.experiments.methods.questions import power_of_each
from fairtrial.experiments.planned_looks import Times, spent
from fairtrial.stats.always_valid import always_valid, cases_for_bound
from fairtrial.stats.effects import Effect, monitorable
from fairtrial.stats.sequential.guardrails import Limits, guardrail

Scaled = Callable[[float], Effect | NotEnough]
STEPS = 30


class MetricMethod(Protocol):
    """How one kind of metric is decided.

    ``pair``: the sums of the control and a treatment, of the type ``sums``.
    """

    @property
    def sums(self) -> type:
        """The type of the sums of one arm."""

    def guardrail(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Any) -> Finding:
        """What one look shows about a guardrail."""

    def primary(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Any, times: Times) -> Finding:
        """What one look shows about the primary metric; ``times``: the planned looks up to this one, if any."""

    def difference(self, metric: MetricPlan, pair: Any) -> Scaled:
        """Treatment − scale · control, on the scale of the sums."""

    def level(self, metric: MetricPlan, sums: Any) -> float | None:
        """The level of one arm on the metric's scale; ``None`` without data."""

    def level_interval(self, plan: AnalysisPlan, metric: MetricPlan, sums: Any) -> Estimate | NotEnough:
        """The level with an interval that is valid at all looks, at the attempt's alpha."""

    def units(self, sums: Any) -> tuple[int, int]:
        """The units that count for a decision, and those of them that have a value."""

    def behind_level(self, sums: Any) -> int:
        """The units that the level comes from."""

    def needed(self, plan: AnalysisPlan, metric: MetricPlan, pair: Any) -> int | NotEnough:
        """The units with a value, in both arms, that the primary metric needs to decide the planned effect."""

    def missing(self, plan: AnalysisPlan, metric: MetricPlan, pair: Any) -> int | NotEnough:
        """The further units in both arms that a guardrail needs to be proven safe if the levels stay as they are."""


def normal_primary(
    plan: AnalysisPlan, metric: MetricPlan, variant: str, effects: tuple[Effect | NotEnough, Effect | NotEnough],
    times: Times,
) -> Finding:  # fmt: skip
    """The primary metric by intervals of a normal effect: one for readers and harm, one for what must be proven.

    Both are treatment − control on the scale of the sums, which for a rate of requests is that of bad ones.
    """
    level = 1 - plan.alpha_primary
    tau, low_is_good = metric.tau or 0.0, metric.counts_requests or metric.better == "lower"
    estimate, against = (_interval(one, tau, level, times) for one in effects)
    answer: Answer = "cannot tell"
    if isinstance(estimate, Estimate) and isinstance(against, Estimate):
        beyond = worse_beyond(plan, metric)
        good = against.high < 0 if low_is_good else against.low > 0
        bad = estimate.low > beyond if low_is_good else estimate.high < -beyond
        answer = "better" if good else "worse" if bad else "cannot tell"
    margin = metric.margin_on_scale if metric.require == "not_worse" else None
    if answer == "cannot tell" and margin is not None:
        limits = Limits(margin, 0.0, bad="up" if low_is_good else "down", alpha=1 - level)
        one_sided = guardrail(effects[1], limits, tau=tau).safe
        safe = spent(effects[1], tau, 2 * level - 1, times=times) if times else one_sided
        holds = isinstance(safe, Estimate) and (safe.high < margin if low_is_good else safe.low > -margin)
        answer = "not worse" if holds else answer
    information = times[-1] if times else None
    return Finding(metric.metric, variant, "primary", answer, shown(metric, estimate), information=information)


def worse_beyond(plan: AnalysisPlan, metric: MetricPlan) -> float:
    """How far below the control's level an interval must lie for "worse": 0, or the margin of a ``not_worse`` plan."""
    if plan.rules < 2 or metric.require == "superior":
        return 0.0
    return metric.margin_on_scale or 0.0


def shown(metric: MetricPlan, estimate: Estimate | NotEnough) -> Estimate | NotEnough:
    """The estimate in the direction of the metric's own level."""
    if isinstance(estimate, NotEnough) or metric.method in ("quantile", "amount"):
        return estimate
    mirrored = metric.better == "higher" if metric.counts_requests else metric.better == "lower"
    return mirror(estimate) if mirrored else estimate


def mirror(estimate: Estimate) -> Estimate:
    """The estimate of the opposite direction."""
    return replace(estimate, value=-estimate.value, low=-estimate.high, high=-estimate.low)


def units_for(
    plan: AnalysisPlan, metric: MetricPlan, effect: Effect | NotEnough, *, distance: float | None = None,
    alpha: float | None = None,
) -> int | NotEnough:  # fmt: skip
    """The units in both arms that bring the bound of a normal effect within ``distance`` of the true one.

    By default the distance is the margin, and alpha that of the primary metric. The variance of the effect falls with
    the units, and the allowance for unseen units with their square, so the number is found by iteration.
    """
    found = monitorable(effect)
    if isinstance(found, NotEnough):
        return found
    if not found.variance > 0:
        return NotEnough("all units of both arms are alike, so that nothing shows how much they vary", "other units")
    default = plan.alpha_primary / 2 if metric.require == "superior" else plan.alpha_primary
    alpha = default if alpha is None else alpha
    distance, tau = metric.margin_on_scale or 0.0 if distance is None else distance, metric.tau or 0.0
    if not distance > 0:
        return NotEnough("the difference so far leaves no room within the margin", "a smaller difference", found.n)
    power = power_of_each(plan)
    seen, unseen = found.variance * found.n, max(found.unseen) * found.n**2
    needed = cases_for_bound(distance, variance=seen, tau=tau, alpha=alpha, power=power)
    for _ in range(STEPS if unseen else 0):
        variance = seen + unseen / needed
        more = cases_for_bound(distance, variance=variance, tau=tau, alpha=alpha, power=power, near=needed)
        before, needed = needed, -(-(needed + more) // 2)
        if needed == before:
            break
    return needed


def _interval(effect: Effect | NotEnough, tau: float, level: float, times: Times) -> Estimate | NotEnough:
    return spent(effect, tau, level, times=times) if times else always_valid(effect, tau=tau, level=level)
