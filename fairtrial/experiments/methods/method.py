"""Defines what every method offers, the question that a metric is sized by, and the planned looks at it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import ceil, expm1, log1p, pi, sqrt
from typing import Any, ClassVar, Protocol

import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.limits.constants import DAY_US, WEEK_US
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.promises import POWER
from fairtrial.domain.settings import UnitKind
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import UNKNOWN_LEVEL, Answer, Finding, Times
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.always_valid import always_valid, cases_for_bound
from fairtrial.stats.effects import Effect, monitorable
from fairtrial.stats.planning.question import RARE, Question
from fairtrial.stats.sequential.group_sequential import spent_look
from fairtrial.stats.sequential.guardrails import Limits, guardrail
from fairtrial.stats.sequential.request_errors import RequestErrors

DAY_SECONDS = 86_400.0
RATE_DAYS = 1.0
"""A unit counts for a rate once its first 24 hours are over."""
TAIL = 0.01
"""The share of the control's units above the cap of an amount, whose cap is the 99 % quantile before the start."""
SCORED = ("requests",)
"""Families that are measured on each answer rather than on users."""

Scaled = Callable[[float], Effect | NotEnough]
STEPS = 30
AGAINST = "requests that were kept away count against its safety"
NO_LEVEL = NotEnough(UNKNOWN_LEVEL, "a stated baseline, or more units of the control")


def question_of(
    metric: MetricPlan, unit: UnitKind, *, level: float, spread: float | None = None, left: float = 1.0
) -> Question:
    """The question about a metric whose control has this level, on the metric's scale.

    ``spread``: the standard deviation between units, or between requests for a quantile, which amounts, quantiles and
    ratings need. ``left``: as in `Question`. Raises `ValueError` for impossible values.
    """
    effect = metric.margin * (abs(level) if metric.relative else 1.0)
    window = (metric.window_seconds or 0.0) / DAY_SECONDS
    if metric.counts_requests:
        window = 0.0 if unit == "request" else RATE_DAYS
    amount = metric.method == "amount"
    return Question(
        metric.metric,
        "superior" if metric.require == "superior" else "not worse",
        level,
        effect,
        sd=_quantile_spread(metric, level, spread) if metric.method == "quantile" and spread else spread,
        lower_is_better=metric.better == "lower",
        relative=metric.relative,
        left=left,
        scored=metric.metric.partition(".")[0] in SCORED,
        rate=metric.counts_requests,
        guardrail=metric.role == "guardrail",
        window_days=window,
        tau=0.1 * level if metric.method == "quantile" else None,
        cap=(metric.cap or 10 * level) if amount else None,
        tail=TAIL if amount else None,
        tail_truth=_tail_after(level, effect, spread) if amount and spread and metric.require == "superior" else None,
        anchored=not (metric.counts_requests or (amount and metric.role == "guardrail")),
        scales=amount or metric.method == "quantile",
        response=metric.response if metric.missing == "worst_case" else None,
        within=metric.within,
    )


def _tail_after(level: float, effect: float, spread: float) -> float:
    """The share above the cap of a treatment whose amounts are smaller by the effect, if they are lognormal."""
    sigma = sqrt(log1p((spread / level) ** 2)) if level > 0 else 1.0
    saved = min(effect / level, 0.99) if level > 0 else 0.0
    return float(scipy.special.ndtr(scipy.special.ndtri(TAIL) + log1p(-saved) / sigma))


def needs_spread(metric: MetricPlan) -> bool:
    """Whether its level does not say how much units vary."""
    return metric.method in ("amount", "quantile") or (metric.method == "feedback" and metric.within != (0.0, 1.0))


def power_of_each(plan: AnalysisPlan) -> float:
    """The power that each metric of the plan needs, so that all together have `POWER`."""
    return 1 - (1 - POWER) / max(1, len(plan.metrics))


def _quantile_spread(metric: MetricPlan, level: float, spread: float) -> float:
    """The standard deviation per request of a quantile, if the values are lognormal with this standard deviation."""
    nu = CATALOGUE[metric.metric].nu
    z = float(scipy.special.ndtri(nu))
    low, high = 1e-6, 5.0
    for _ in range(60):
        sigma = (low + high) / 2
        mean = level * float(_exp(sigma**2 / 2 - sigma * z))
        low, high = (sigma, high) if mean * sqrt(expm1(sigma**2)) < spread else (low, sigma)
    density = float(_exp(-(z**2) / 2)) / sqrt(2 * pi) / (high * level)
    return sqrt(nu * (1 - nu)) / density


def _exp(value: float) -> float:
    return expm1(value) + 1


class MetricMethod(Protocol):
    """How one kind of metric is decided.

    ``pair``: the sums of the control and a treatment, of the type ``sums``.
    """

    sums: ClassVar[type]
    """The type of the sums of one arm."""

    def guardrail(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Any) -> Finding:
        """What one look shows about a guardrail."""

    def primary(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Any, times: Times) -> Finding:
        """What one look shows about the primary metric; ``times``: the planned looks up to this one, if any."""

    def difference(self, metric: MetricPlan, pair: Any) -> Scaled:
        """Treatment − scale · control, on the scale of the sums."""

    def plain(self, metric: MetricPlan, pair: Any) -> Effect | NotEnough:
        """Treatment − control on the scale of the sums, of all units so far, for a plain interval."""
        return self.difference(metric, pair)(1.0)

    def level(self, metric: MetricPlan, sums: Any) -> float | None:
        """The level of one arm on the metric's scale; ``None`` without data."""

    def level_interval(self, plan: AnalysisPlan, metric: MetricPlan, sums: Any) -> Estimate | NotEnough:
        """The level with an interval that is valid at all looks, at the attempt's alpha."""

    def units(self, sums: Any) -> tuple[int, int]:
        """The units that count for a decision, and those of them that have a value."""

    def behind_level(self, sums: Any) -> int:
        """The units that the level comes from."""
        return self.units(sums)[1]

    def needed(self, plan: AnalysisPlan, metric: MetricPlan, pair: Any) -> int | NotEnough:
        """The units with a value, in both arms, that the primary metric needs to decide the planned effect."""
        return units_for(plan, metric, self.difference(metric, pair)(1.0))

    def missing(self, plan: AnalysisPlan, metric: MetricPlan, pair: Any) -> int | NotEnough:
        """The further units in both arms that a guardrail needs to be proven safe if the levels stay as they are."""
        return units_within_margin(plan, metric, self.difference(metric, pair), self.level(metric, pair[0]))


def interval_at_any_time(metric: MetricPlan, effect: Effect | NotEnough, *, level: float) -> Estimate | NotEnough:
    """The always-valid interval of a normal effect, which needs the control's level."""
    return NO_LEVEL if metric.tau is None else always_valid(effect, tau=metric.tau, level=level)


def normal_primary(
    plan: AnalysisPlan, metric: MetricPlan, variant: str, effect: Effect | NotEnough, times: Times
) -> Finding:
    """The primary metric by the interval of a normal effect: treatment − control on the scale of the sums.

    For a rate of requests that is the scale of bad ones.
    """
    level = 1 - plan.alpha_primary
    tau, low_is_good = metric.tau or 0.0, metric.counts_requests or metric.better == "lower"
    estimate = _interval(effect, tau, level, times)
    answer: Answer = "cannot tell"
    if isinstance(estimate, Estimate):
        beyond = worse_beyond(metric)
        good = estimate.high < 0 if low_is_good else estimate.low > 0
        bad = estimate.low > beyond if low_is_good else estimate.high < -beyond
        answer = "better" if good else "worse" if bad else "cannot tell"
    margin = metric.margin_on_scale if metric.require == "not_worse" else None
    if answer == "cannot tell" and margin is not None:
        limits = Limits(margin, 0.0, bad="up" if low_is_good else "down", alpha=1 - level)
        one_sided = guardrail(effect, limits, tau=tau).safe
        safe = spent(effect, tau, 2 * level - 1, times=times) if times else one_sided
        holds = isinstance(safe, Estimate) and (safe.high < margin if low_is_good else safe.low > -margin)
        answer = "not worse" if holds else answer
    return Finding(metric.metric, variant, "primary", answer, shown(metric, estimate), information=times.information)


def worse_beyond(metric: MetricPlan) -> float:
    """How far below the control's level an interval must lie for "worse": 0, or the margin of a ``not_worse`` plan."""
    return 0.0 if metric.require == "superior" else metric.margin_on_scale or 0.0


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
    monitored = monitorable(effect)
    if isinstance(monitored, NotEnough):
        return monitored
    if not monitored.variance > 0:
        return NotEnough("all units of both arms are alike, so that nothing shows how much they vary", "other units")
    default = plan.alpha_primary / 2 if metric.require == "superior" else plan.alpha_primary
    alpha = default if alpha is None else alpha
    distance, tau = metric.margin_on_scale or 0.0 if distance is None else distance, metric.tau or 0.0
    if not distance > 0:
        return NotEnough("the difference so far leaves no room within the margin", "a smaller difference", monitored.n)
    power = power_of_each(plan)
    seen, unseen = monitored.variance * monitored.n, max(monitored.unseen) * monitored.n**2
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


def has_kept_away(arms: Iterable[object]) -> bool:
    """Whether a breaker kept requests from one of the arms, which count against the safety by this metric."""
    return any(
        isinstance(errors, RequestErrors) and errors.pessimistic not in (None, errors.requests) for errors in arms
    )


def of_good(metric: MetricPlan, estimate: Estimate | NotEnough) -> Estimate | NotEnough:
    """A level of bad requests as the level of the metric, which for some rates is that of good ones."""
    if isinstance(estimate, NotEnough) or metric.better == "lower":
        return estimate
    mirrored = mirror(estimate)
    return replace(mirrored, value=1 + mirrored.value, low=1 + mirrored.low, high=1 + mirrored.high)


def units_within_margin(
    plan: AnalysisPlan, metric: MetricPlan, difference: Scaled, level: float | None
) -> int | NotEnough:
    """The further units that prove a normal effect within the margin, if the levels stay as they are."""
    effect, margin = difference(1.0), metric.margin_on_scale
    if isinstance(effect, NotEnough) or margin is None or level is None:
        return NotEnough(UNKNOWN_LEVEL, "more units of both arms")
    decline = effect.value if metric.better == "lower" else -effect.value
    units = units_for(plan, metric, effect, distance=margin - decline, alpha=plan.alpha_attempt)
    return units if isinstance(units, NotEnough) else max(0, units - effect.n)


def spent(effect: Effect | NotEnough, tau: float, level: float, *, times: Times) -> Estimate | NotEnough:
    """The interval at the last of these looks, which needs no ``tau``."""
    del tau
    return spent_look(effect, times=times.shares, level=level, last=times.last)


def passes_us(plan: AnalysisPlan, answered_us: int) -> int:
    """From when the primary metric's answer counts: after whole weeks, or a shorter time that the plan allows."""
    if plan.min_days < 7:
        return max(answered_us, plan.from_us + round(plan.min_days * DAY_US))
    whole = plan.whole_weeks(answered_us) if plan.looks_weekly else ceil((answered_us - plan.from_us) / WEEK_US)
    weeks = max(ceil(plan.min_days / 7), whole)
    return plan.from_us + weeks * WEEK_US


def is_exact(plan: AnalysisPlan, metric: MetricPlan) -> bool:
    """Whether the metric is decided by conversions: a share below 2 % before the start that is to become better.

    Units without feedback count as units that did not convert.
    """
    shown = metric.role == "primary" and metric.require == "superior" and metric.within == (0.0, 1.0)
    rare = metric.level is not None and 0 < metric.level < RARE
    return shown and rare and metric.method == "feedback" and plan.planned_units is None
