"""Decides feedback: one value for each unit, with missing values filled in every way; rare feedback by conversions."""

from dataclasses import replace
from functools import partial
from math import ceil, log
from typing import Any, Literal

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods import method
from fairtrial.experiments.methods.finding import Answer, Finding, Times
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.always_valid import always_valid, evidence_above
from fairtrial.stats.arms.feedback import (
    Feedback,
    FeedbackFinding,
    Interval,
    feedback_difference,
    worst_case_difference,
)
from fairtrial.stats.arms.means import mean, mean_difference
from fairtrial.stats.e_values import EValue
from fairtrial.stats.planning.question import RARE
from fairtrial.stats.sequential.conversions import conversion_evidence
from fairtrial.stats.sizes import worst_case_effect
from fairtrial.stats.sums import Moments

Pair = tuple[Feedback, Feedback]
ConversionAnswer = Literal["better", "worse", "cannot tell"]


class FeedbackOfUnits(method.MetricMethod):
    """Feedback, and whether a unit gave some."""

    sums = Feedback

    def guardrail(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair) -> Finding:
        alpha, margin = plan.alpha_kill, metric.margin_on_scale or 0.0
        stop, pause = metric.stop_on_scale or 0.0, metric.pause_on_scale or 0.0
        harm = _compared(metric, pair, margin=None, level=1 - 2 * alpha)
        safe = _compared(metric, pair, margin=margin, level=1 - plan.alpha_attempt)
        answer: Answer = "cannot tell"
        if harm.is_below(-stop):
            answer = "harm"
        elif safe.answer in ("better", "not worse"):
            answer = "safe"
        two = metric.pauses_earlier
        return Finding(
            metric.metric, variant, "guardrail", answer, method.shown(metric, harm.complete),
            log_e=self._evidence(metric, pair, pause if two else stop), log_kill=-log(alpha),
            declined=two and harm.is_below(-pause),
            log_harm=self._evidence(metric, pair, stop) if two else None, **_extremes(metric, harm),
        )  # fmt: skip

    def primary(self, plan: AnalysisPlan, metric: MetricPlan, variant: str, pair: Pair, times: Times) -> Finding:
        if metric.method == "given":
            effect = self.difference(metric, pair)(1.0)
            return method.normal_primary(plan, metric, variant, effect, times)
        margin = metric.margin_on_scale if metric.require == "not_worse" else None
        compared = _compared(
            metric, pair, margin=margin, level=1 - plan.alpha_primary,
            interval=partial(method.spent, times=times) if times else None, beyond=method.worse_beyond(metric),
        )  # fmt: skip
        answer, estimate = compared.answer, method.shown(metric, compared.complete)
        if method.is_exact(plan, metric):
            answer, estimate = exact_answer(plan, metric, variant, *pair)
            if metric.missing == "worst_case" and not _bounds_agree(compared, answer):
                answer = "cannot tell"
        return Finding(
            metric.metric,
            variant,
            "primary",
            answer,
            estimate,
            information=times.information,
            **_extremes(metric, compared),
        )

    def difference(self, metric: MetricPlan, pair: Pair) -> method.Scaled:
        control, treatment = pair
        return lambda scale: mean_difference(control.given, treatment.given, within=metric.within, scale=scale)

    def level(self, metric: MetricPlan, sums: Feedback) -> float | None:
        del metric
        return sums.given.mean if sums.given.n else None

    def level_interval(self, plan: AnalysisPlan, metric: MetricPlan, sums: Feedback) -> Estimate | NotEnough:
        """The level of the units that gave feedback; where the worst case must agree, its ends are those of it."""
        if metric.tau is None:
            return method.NO_LEVEL
        level, within = 1 - plan.alpha_attempt, metric.within
        interval = always_valid(mean(sums.given, within=within), tau=metric.tau, level=level)
        if metric.missing != "worst_case" or isinstance(interval, NotEnough):
            return interval
        tau = metric.tau * metric.response
        low, high = (always_valid(mean(sums.filled(end), within=within), tau=tau, level=level) for end in within)
        if isinstance(low, NotEnough) or isinstance(high, NotEnough):
            return low if isinstance(low, NotEnough) else high
        return replace(interval, low=low.low, high=high.high, n=low.n)

    def units(self, sums: Feedback) -> tuple[int, int]:
        return sums.units, sums.given.n

    def needed(self, plan: AnalysisPlan, metric: MetricPlan, pair: Pair) -> int | NotEnough:
        if method.is_exact(plan, metric):
            return NotEnough("rare events are decided by their number", "a plan by fairtrial experiment plan")
        if metric.missing == "worst_case":
            return _needed_in_worst_case(plan, metric, pair)
        return method.units_for(plan, metric, self.difference(metric, pair)(1.0))

    def missing(self, plan: AnalysisPlan, metric: MetricPlan, pair: Pair) -> int | NotEnough:
        if metric.missing == "worst_case":
            margin, arms = metric.margin_on_scale or 0.0, _as_good(metric, pair)
            effect = worst_case_difference(*arms, within=metric.within, margin=margin)
            if isinstance(effect, NotEnough):
                return effect
            units = method.units_for(plan, metric, effect, distance=effect.value, alpha=plan.alpha_attempt)
            return units if isinstance(units, NotEnough) else max(0, units - effect.n)
        return method.units_within_margin(plan, metric, self.difference(metric, pair), self.level(metric, pair[0]))

    def _evidence(self, metric: MetricPlan, pair: Pair, beyond: float) -> float | None:
        """ln of the evidence, among units with feedback, of a decline beyond a margin."""
        control, treatment = _as_good(metric, pair)
        effect = mean_difference(treatment.given, control.given, within=metric.within)
        evidence = evidence_above(effect, tau=metric.tau or 0.0, null=beyond)
        return evidence.log_e if isinstance(evidence, EValue) else None


def _compared(
    metric: MetricPlan, pair: Pair, *, margin: float | None, level: float,
    interval: Interval | None = None, beyond: float = 0.0,
) -> FeedbackFinding:  # fmt: skip
    """The comparison in terms of "higher is better"."""
    return feedback_difference(
        *_as_good(metric, pair), tau=metric.tau or 0.0, response=metric.response, within=metric.within, margin=margin,
        level=level, interval=interval, worse_beyond=beyond, worst_case=metric.missing == "worst_case",
    )  # fmt: skip


def _needed_in_worst_case(plan: AnalysisPlan, metric: MetricPlan, pair: Pair) -> int | NotEnough:
    """The units with feedback that show the planned effect if each missing answer counts for the other side."""
    units, given = sum(arm.units for arm in pair), sum(arm.given.n for arm in pair)
    response, margin = given / units if units else 0.0, metric.margin_on_scale or 0.0
    distance = worst_case_effect(margin, response=response, within=metric.within)
    if not distance > 0:
        return NotEnough("too few units give feedback for the worst case", "feedback from more units", given)
    scaled = replace(metric, margin=metric.margin * metric.response)
    effect = worst_case_difference(*_as_good(metric, pair), within=metric.within)
    size = method.units_for(plan, scaled, effect, distance=distance)
    return size if isinstance(size, NotEnough) else ceil(size * given / units)


def _extremes(metric: MetricPlan, compared: FeedbackFinding) -> dict[str, Any]:
    """What a finding says about missing values."""
    if not metric.missing:
        return {}
    return {"worst_case": method.shown(metric, compared.worst_case), "bounded": compared.bounded}


def _bounds_agree(compared: FeedbackFinding, answer: str) -> bool:
    """Whether the worst case shows what the number of conversions shows."""
    worst, best = compared.worst, compared.best
    if answer == "better":
        return isinstance(worst, Estimate) and worst.low > 0
    return isinstance(best, Estimate) and best.high < 0


def _as_good(metric: MetricPlan, pair: Pair) -> Pair:
    """Both arms with values of which higher ones are better; others are mirrored within their range."""
    if metric.better == "higher":
        return pair
    span = metric.within[0] + metric.within[1]
    return _mirrored(pair[0], span), _mirrored(pair[1], span)


def _mirrored(arm: Feedback, span: float) -> Feedback:
    given = arm.given
    squares = span**2 * given.n - 2 * span * given.x + given.xx
    return replace(arm, given=Moments(given.n, span * given.n - given.x, max(0.0, squares)))


def exact_answer(
    plan: AnalysisPlan, metric: MetricPlan, variant: str, control: Feedback, treatment: Feedback
) -> tuple[ConversionAnswer, Estimate | NotEnough]:
    """The answer, and the difference of the rates over all units with its always-valid interval, for readers.

    If the arms differ in the share of units with feedback, nothing is concluded, because the missing values may differ.
    """
    alpha, tau = plan.alpha_primary, metric.tau or 0.0
    rates = (arm.filled(0.0) for arm in (control, treatment))
    estimate = always_valid(mean_difference(*rates, within=metric.within), tau=tau, level=1 - alpha)
    given = always_valid(
        mean_difference(*(Moments(arm.units, arm.given.n, arm.given.n) for arm in (control, treatment)), within=(0, 1)),
        tau=tau,
        level=1 - alpha,
    )
    share, level = plan.share_of(variant), metric.level or RARE
    yes = round(control.given.x), round(treatment.given.x)
    evidence = conversion_evidence(*yes, lift=tau / level, share=share)
    differs = isinstance(given, Estimate) and not given.low <= 0 <= given.high
    if differs or not (isinstance(evidence, EValue) and evidence.rejects(alpha)):
        return "cannot tell", estimate
    return ("better" if (yes[1] > share * sum(yes)) == (metric.better == "higher") else "worse"), estimate
