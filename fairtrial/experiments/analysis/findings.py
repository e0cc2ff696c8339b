"""Computes what one look shows about each metric of each treatment, by the method of the frozen plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf, log
from typing import Literal

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.experiments.analysis.exact import exact_answer, is_exact
from fairtrial.experiments.analysis.harm import Pair, judge_guardrail, kill_alpha, scaled_difference
from fairtrial.experiments.analysis.plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.analysis.planned_looks import Times, not_yet, planned_look_at, spent
from fairtrial.experiments.analysis.sums import ArmSums, MetricSums, Sums
from fairtrial.stats.always_valid import always_valid, evidence_above
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.feedback import Feedback, FeedbackFinding, Interval, feedback_difference
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.arms.quantiles import QuantileSums
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.error_guardrail import RequestErrors
from fairtrial.stats.sequential.guardrails import Limits, guardrail
from fairtrial.stats.sums import Moments

Answer = Literal["better", "not worse", "worse", "harm", "safe", "cannot tell"]
SHARED = "arms on one engine slow each other, so they can't show that latency is safe"
AGAINST = "requests that an open breaker kept away count against its safety"
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
        found = _feedback(
            metric, pair[0], pair[1], tau=tau, margin=margin, level=level, interval=interval,
            worse_beyond=_worse_beyond(plan, metric),
        )  # fmt: skip
        return Finding(
            metric.metric, variant, "primary", found.answer, _shown(metric, found.complete), information=information
        )
    effects = [scaled_difference(metric, pair, safety=one)(1.0) for one in (False, True)]
    estimate, against = (
        interval(one, tau, level) if interval else always_valid(one, tau=tau, level=level) for one in effects
    )
    low_is_good = metric.method == "events" or metric.better == "lower"  # events: the share of bad ones
    answer: Answer = "cannot tell"
    if isinstance(estimate, Estimate) and isinstance(against, Estimate):
        beyond = _worse_beyond(plan, metric)
        good = against.high < 0 if low_is_good else against.low > 0
        bad = estimate.low > beyond if low_is_good else estimate.high < -beyond
        answer = "better" if good else "worse" if bad else "cannot tell"
    if answer == "cannot tell" and margin is not None:
        limits = Limits(margin, 0.0, bad="up" if low_is_good else "down", alpha=1 - level)
        safe = interval(effects[1], tau, 2 * level - 1) if interval else guardrail(effects[1], limits, tau=tau).safe
        holds = isinstance(safe, Estimate) and (safe.high < margin if low_is_good else safe.low > -margin)
        answer = "not worse" if holds else answer
    shared = metric.method == "quantile" and plan.shared_engine and answer in ("better", "not worse")
    shown = Finding(metric.metric, variant, "primary", answer, _shown(metric, estimate), information=information)
    return replace(shown, answer="cannot tell", why=SHARED) if shared else shown


def _worse_beyond(plan: AnalysisPlan, metric: MetricPlan) -> float:
    """How far below the control's level an interval must lie for "worse": 0, or the margin of a ``not_worse`` plan."""
    if plan.rules < 2 or metric.require == "superior":
        return 0.0
    return metric.margin_on_scale or 0.0


def _guardrail(plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair) -> Finding:
    if metric.method in ("feedback", "given"):
        return _feedback_guardrail(plan, metric, variant, pair)
    found = judge_guardrail(plan, metric, pair, plan.share_of(variant))
    log_e = found.evidence.log_e if isinstance(found.evidence, EValue) else None
    safe, why = found.not_worse, ""
    if metric.method == "quantile" and plan.shared_engine and safe:
        safe, why = False, SHARED
    if has_kept_away(pair) and not safe:
        why = AGAINST
    estimate: Estimate | NotEnough = NotEnough(UNKNOWN_LEVEL, "a stated baseline, or more units of the control")
    if metric.tau is not None:
        estimate = always_valid(scaled_difference(metric, pair)(1.0), tau=metric.tau, level=1 - plan.alpha)
    answer: Answer = "harm" if found.harmed else "safe" if safe else "cannot tell"
    return Finding(
        metric.metric, variant, "guardrail", answer, _shown(metric, estimate),
        log_e=log_e, log_kill=-log(kill_alpha(plan, metric)), why=why,
    )  # fmt: skip


def pessimistic_interval(
    plan: AnalysisPlan, metric: MetricPlan, sums: Sums, variant: str
) -> Estimate | NotEnough | None:
    """The always-valid interval with requests that a breaker kept away against the treatment; ``None`` without any."""
    one, other = (sums.arms[name].metrics.get(metric.metric) for name in (plan.control, variant))
    if one is None or other is None or not has_kept_away(pair := (one, other)):
        return None
    level = 1 - (plan.alpha_primary if metric.role == "primary" else plan.alpha)
    effect = scaled_difference(metric, pair, safety=True)(1.0)
    return _shown(metric, always_valid(effect, tau=metric.tau or 0.0, level=level))


def has_kept_away(arms: Iterable[MetricSums]) -> bool:
    """Whether a breaker kept requests from one of the arms, which count against the safety by this metric."""
    return any(isinstance(one, RequestErrors) and one.pessimistic not in (None, one.requests) for one in arms)


def _shown(metric: MetricPlan, estimate: Estimate | NotEnough) -> Estimate | NotEnough:
    """The estimate in the direction of the metric's own level."""
    if isinstance(estimate, NotEnough):
        return estimate
    mirrored = metric.better == "higher" if metric.method == "events" else metric.better == "lower"
    if metric.method in ("quantile", "amount") or not mirrored:
        return estimate
    return replace(estimate, value=-estimate.value, low=-estimate.high, high=-estimate.low)


def _feedback(
    metric: MetricPlan,
    control: Feedback,
    treatment: Feedback,
    *,
    tau: float,
    margin: float | None,
    level: float,
    interval: Interval | None = None,
    worse_beyond: float = 0.0,
) -> FeedbackFinding:
    """The comparison in terms of "higher is better"; values of a metric where lower is better are mirrored."""
    if metric.better == "lower":
        control, treatment = (_mirrored(arm, metric.within) for arm in (control, treatment))
    return feedback_difference(
        control, treatment, tau=tau, response=metric.response, within=metric.within, margin=margin, level=level,
        interval=interval, worse_beyond=worse_beyond,
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
    )  # fmt: skip


def _all_below(found: FeedbackFinding, limit: float) -> bool:
    """Whether every way to fill in missing feedback shows a loss beyond the limit."""
    ways: Sequence[Estimate | NotEnough] = [found.complete, found.lowest, found.highest]
    differs = isinstance(found.given, NotEnough) or not found.given.low <= 0 <= found.given.high
    asked = [*ways, found.best] if differs else ways
    return all(isinstance(one, Estimate) and one.high < limit for one in asked)
