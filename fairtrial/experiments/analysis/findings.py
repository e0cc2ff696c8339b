"""Computes what one look shows about each metric of each treatment, by the method of the frozen plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf, log
from typing import Literal

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.experiments.analysis.exact import exact_answer, is_exact
from fairtrial.experiments.analysis.harm import kill_alpha, tested_twice
from fairtrial.experiments.analysis.plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.analysis.planned_looks import Times, not_yet, planned_look_at, spent
from fairtrial.experiments.analysis.sums import ArmSums, MetricSums, Sums
from fairtrial.stats.always_valid import always_valid, evidence_above
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.feedback import Feedback, FeedbackFinding, Interval, feedback_difference
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.arms.quantiles import QuantileSums, quantile_difference
from fairtrial.stats.arms.ratios import ratio_difference
from fairtrial.stats.e_values import EValue
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.cost_guardrail import cost_guardrail
from fairtrial.stats.sequential.error_guardrail import RequestErrors, error_guardrail
from fairtrial.stats.sequential.guardrails import GuardrailFinding, Limits, guardrail, rare_harm
from fairtrial.stats.sums import Moments

Answer = Literal["better", "not worse", "worse", "harm", "safe", "cannot tell"]
ABOVE_MARGIN = 0.01
"""How much larger the share of units above the cap of a cost may be."""
SHARED = "arms on one engine slow each other, so they can't show that latency is safe"
UNKNOWN_LEVEL = "the control's level is not known yet, so the margin is not fixed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look shows about one metric of one treatment.

    ``answer`` is that of this look alone. ``estimate`` is treatment − control with its always-valid interval, for
    readers. ``log_e`` is the evidence of harm, and ``log_kill`` the value at which it is proven. ``control`` and
    ``treatment`` are the levels of the arms. ``n`` counts the units behind the estimate. ``why`` says why nothing can
    be told, or is empty. ``information``: at a planned look, the share of the planned units.
    """

    metric: str
    variant: str
    role: Literal["primary", "guardrail"]
    answer: Answer
    estimate: Estimate | NotEnough
    control: float | None = None
    treatment: float | None = None
    log_e: float | None = None
    log_kill: float | None = None
    bound: float | None = None
    why: str = ""
    information: float | None = None

    @property
    def harmed(self) -> bool:
        """Whether this look proves harm to a guardrail."""
        return self.answer == "harm"


def find(plan: AnalysisPlan, sums: Sums, looked: Mapping[str, Times] | None = None) -> tuple[Finding, ...]:
    """What one look shows, for each metric in the order of the plan and each treatment.

    ``looked``: the planned looks at the primary metric so far, by treatment.
    """
    control = sums.arms[plan.control]
    return tuple(
        _finding(plan, metric, (variant, (looked or {}).get(variant, ())), control, sums.arms[variant])
        for metric in plan.metrics
        for variant in plan.treatments
    )


def _finding(
    plan: AnalysisPlan, metric: MetricPlan, treatment: tuple[str, Times], control: ArmSums, arm: ArmSums
) -> Finding:
    """``treatment``: its name, and the planned looks so far."""
    variant, looked = treatment
    pair = control.metrics.get(metric.metric), arm.metrics.get(metric.metric)
    unknown = control.unknown.get(metric.metric) or arm.unknown.get(metric.metric)
    if metric.needs_level and metric.level is None and not (metric.role == "guardrail" and metric.method == "events"):
        unknown = unknown or UNKNOWN_LEVEL
    nothing = NotEnough(unknown or "no unit shows it yet", "units of both arms that show it", arm.units)
    empty = Finding(metric.metric, variant, metric.role, "cannot tell", nothing, why=nothing.reason)
    if unknown or pair[0] is None or pair[1] is None:
        return empty
    both = pair[0], pair[1]
    if metric.role == "guardrail":
        found = _guardrail(plan, metric, variant, both)
    else:
        times = planned_look_at(plan, both, looked)
        if times is None:
            waiting = NotEnough(not_yet(plan, looked), "the next planned look", arm.units)
            found = replace(empty, estimate=waiting, why=waiting.reason)
        else:
            found = _primary(plan, metric, variant, both, times)
    if isinstance(found.estimate, NotEnough) and not found.why:
        found = replace(found, why=found.estimate.reason)
    return replace(found, control=level_of(pair[0], metric), treatment=level_of(pair[1], metric))


def level_of(sums: MetricSums, metric: MetricPlan) -> float | None:
    """The level of an arm on the metric's scale; ``None`` without data."""
    if isinstance(sums, RequestErrors):
        found = sums.requests.x / sums.requests.y if sums.requests.y else None
        return 1 - found if found is not None and metric.better == "higher" else found
    if isinstance(sums, Amounts):
        return sums.capped.mean if sums.capped.n else None
    if isinstance(sums, QuantileSums):
        return sums.value if sums.value < inf else None
    return sums.given.mean if sums.given.n else None


Pair = tuple[MetricSums, MetricSums]


def _primary(plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair, times: Times) -> Finding:
    """``times``: the planned looks up to this one; empty if looks are allowed at any time."""
    level = 1 - plan.alpha_primary
    interval = partial(spent, times=times) if times else None
    information = times[-1] if times else None
    margin = metric.margin_on_scale if metric.require == "not_worse" else None
    tau = metric.tau or 0.0
    if isinstance(pair[0], Feedback) and isinstance(pair[1], Feedback) and metric.method == "feedback":
        if is_exact(plan, metric):
            exact, difference = exact_answer(plan, metric, variant, pair[0], pair[1])
            return Finding(metric.metric, variant, "primary", exact, difference)
        found = _feedback(metric, pair[0], pair[1], tau=tau, margin=margin, level=level, interval=interval)
        return Finding(
            metric.metric, variant, "primary", found.answer, _shown(metric, found.complete), information=information
        )
    effect = scaled_difference(metric, pair)(1.0)
    estimate = interval(effect, tau, level) if interval else always_valid(effect, tau=tau, level=level)
    low_is_good = metric.method == "events" or metric.better == "lower"  # events: the share of bad ones
    answer: Answer = "cannot tell"
    if isinstance(estimate, Estimate):
        below, above = estimate.high < 0, estimate.low > 0
        good, bad = (below, above) if low_is_good else (above, below)
        answer = "better" if good else "worse" if bad else "cannot tell"
    if answer == "cannot tell" and margin is not None:
        limits = Limits(margin, 0.0, bad="up" if low_is_good else "down", alpha=1 - level)
        safe = interval(effect, tau, 2 * level - 1) if interval else guardrail(effect, limits, tau=tau).safe
        holds = isinstance(safe, Estimate) and (safe.high < margin if low_is_good else safe.low > -margin)
        answer = "not worse" if holds else answer
    shared = metric.method == "quantile" and plan.shared_engine and answer in ("better", "not worse")
    shown = Finding(metric.metric, variant, "primary", answer, _shown(metric, estimate), information=information)
    return replace(shown, answer="cannot tell", why=SHARED) if shared else shown


def _guardrail(plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair) -> Finding:
    if metric.method in ("feedback", "given"):
        return _feedback_guardrail(plan, metric, variant, pair)
    found = _tested(plan, metric, pair, plan.share_of(variant))
    log_e = found.evidence.log_e if isinstance(found.evidence, EValue) else None
    safe, why = found.not_worse, ""
    if metric.method == "quantile" and plan.shared_engine and safe:
        safe, why = False, SHARED
    estimate: Estimate | NotEnough = NotEnough(UNKNOWN_LEVEL, "a stated baseline, or more units of the control")
    if metric.tau is not None:
        estimate = always_valid(scaled_difference(metric, pair)(1.0), tau=metric.tau, level=1 - plan.alpha)
    answer: Answer = "harm" if found.harmed else "safe" if safe else "cannot tell"
    bound = _bound(found)
    return Finding(
        metric.metric, variant, "guardrail", answer, _shown(metric, estimate),
        log_e=log_e, log_kill=-log(kill_alpha(plan, metric)), bound=bound, why=why,
    )  # fmt: skip


def _tested(plan: AnalysisPlan, metric: MetricPlan, pair: Pair, share: float) -> GuardrailFinding:
    """Harm at the alpha of kills, safety at the alpha of the attempt."""
    number = max(1, len(plan.guardrails) * len(plan.treatments)) * (2 if tested_twice(metric) else 1)
    found = _test(metric, pair, share, Limits(1.0, alpha=plan.alpha, guardrails=number))
    if plan.attempt > 1:
        safe = _test(metric, pair, share, Limits(1.0, alpha=plan.alpha_attempt))
        found = replace(found, safe=safe.safe, not_worse=safe.not_worse)
    return found


def _test(metric: MetricPlan, pair: Pair, share: float, alphas: Limits) -> GuardrailFinding:
    one, other = pair
    limits = replace(alphas, margin=metric.margin, stop_margin=metric.stop)
    if isinstance(one, RequestErrors) and isinstance(other, RequestErrors):
        if metric.relative and metric.level is None:
            return rare_harm(one.users, other.users, limits, share=share)
        level = metric.level if metric.relative else None
        return error_guardrail(one, other, limits, level=level, share=share)
    if isinstance(one, Amounts) and isinstance(other, Amounts):
        level = metric.level or 0.0
        relative = replace(limits, margin=(metric.margin_on_scale or 0.0) / level, stop_margin=_relative_stop(metric))
        cost = cost_guardrail(one, other, relative, level=level, above_margin=ABOVE_MARGIN, share=share)
        worst = cost.mean if not cost.above.harmed and _log_e(cost.mean) >= _log_e(cost.above) else cost.above
        return replace(worst, harmed=cost.answer == "harm", not_worse=cost.answer == "safe", safe=cost.mean.safe)
    bad: Literal["up", "down"] = "up" if metric.better == "lower" else "down"
    on_scale = replace(limits, margin=metric.margin_on_scale or 0.0, stop_margin=metric.stop_on_scale or 0.0, bad=bad)
    return guardrail(scaled_difference(metric, pair)(1.0), on_scale, tau=metric.tau)


def _relative_stop(metric: MetricPlan) -> float:
    return (metric.stop_on_scale or 0.0) / (metric.level or 1.0)


def _log_e(found: GuardrailFinding) -> float:
    return found.evidence.log_e if isinstance(found.evidence, EValue) else -inf


def scaled_difference(metric: MetricPlan, pair: Pair) -> Callable[[float], Effect | NotEnough]:
    """Treatment − scale · control, on the scale of the sums: of events, that is the share of bad ones."""
    one, other = pair
    if isinstance(one, RequestErrors) and isinstance(other, RequestErrors):
        return lambda scale: ratio_difference(one.requests, other.requests, cap=one.cap, scale=scale)
    if isinstance(one, Amounts) and isinstance(other, Amounts):
        return lambda scale: mean_difference(one.capped, other.capped, within=one.within, scale=scale)
    if isinstance(one, QuantileSums) and isinstance(other, QuantileSums):
        return lambda scale: quantile_difference(one, other, scale=scale)
    if isinstance(one, Feedback) and isinstance(other, Feedback):
        return lambda scale: mean_difference(one.given, other.given, within=metric.within, scale=scale)
    raise TypeError(f"{metric.metric}: the arms have different sums")


def _shown(metric: MetricPlan, estimate: Estimate | NotEnough) -> Estimate | NotEnough:
    """The estimate in the direction of the metric's own level."""
    if isinstance(estimate, NotEnough):
        return estimate
    mirrored = metric.better == "higher" if metric.method == "events" else metric.better == "lower"
    if metric.method in ("quantile", "amount") or not mirrored:
        return estimate
    return replace(estimate, value=-estimate.value, low=-estimate.high, high=-estimate.low)


def _bound(found: GuardrailFinding) -> float | None:
    """How much worse treatment provably is at least; ``None`` if no harm is proven."""
    if not found.harmed or isinstance(found.harm, NotEnough):
        return None
    end = found.harm.low if found.harm.low > -inf else -found.harm.high
    return end if end < inf else None


def _feedback(
    metric: MetricPlan,
    control: Feedback,
    treatment: Feedback,
    *,
    tau: float,
    margin: float | None,
    level: float,
    interval: Interval | None = None,
) -> FeedbackFinding:
    """The comparison in terms of "higher is better"; values of a metric where lower is better are mirrored."""
    if metric.better == "lower":
        control, treatment = (_mirrored(arm, metric.within) for arm in (control, treatment))
    return feedback_difference(
        control, treatment, tau=tau, response=metric.response, within=metric.within, margin=margin, level=level,
        interval=interval,
    )  # fmt: skip


def _mirrored(arm: Feedback, within: tuple[float, float]) -> Feedback:
    given, span = arm.given, within[0] + within[1]
    squares = span**2 * given.n - 2 * span * given.x + given.xx
    return replace(arm, given=Moments(given.n, span * given.n - given.x, max(0.0, squares)))


def _feedback_guardrail(plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair) -> Finding:
    control, treatment = pair
    if not (isinstance(control, Feedback) and isinstance(treatment, Feedback)):
        raise TypeError(f"{metric.metric}: the arms have different sums")
    tau, alpha = metric.tau or 0.0, plan.alpha_kill
    margin, stop = metric.margin_on_scale or 0.0, metric.stop_on_scale or 0.0
    harm = _feedback(metric, control, treatment, tau=tau, margin=None, level=1 - 2 * alpha)
    safe = _feedback(metric, control, treatment, tau=tau, margin=margin, level=1 - plan.alpha_attempt)
    harmed = _all_below(harm, -stop)
    answer: Answer = "harm" if harmed else "safe" if safe.answer in ("better", "not worse") else "cannot tell"
    if metric.better == "lower":
        control, treatment = (_mirrored(arm, metric.within) for arm in (control, treatment))
    against = evidence_above(mean_difference(treatment.given, control.given, within=metric.within), tau=tau, null=stop)
    return Finding(
        metric.metric, variant, "guardrail", answer, _shown(metric, harm.complete),
        log_e=against.log_e if isinstance(against, EValue) else None,
        log_kill=-log(alpha),
        bound=-harm.complete.high if harmed and isinstance(harm.complete, Estimate) else None,
    )  # fmt: skip


def _all_below(found: FeedbackFinding, limit: float) -> bool:
    """Whether every way to fill in missing feedback shows a loss beyond the limit."""
    ways: Sequence[Estimate | NotEnough] = [found.complete, found.lowest, found.highest]
    differs = isinstance(found.given, NotEnough) or not found.given.low <= 0 <= found.given.high
    asked = [*ways, found.best] if differs else ways
    return all(isinstance(one, Estimate) and one.high < limit for one in asked)
