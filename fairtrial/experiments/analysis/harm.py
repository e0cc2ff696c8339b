"""Tests guardrails: harm by counted events, which is tested at every step of the monitor, and all of them at a look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf, log
from typing import Literal

from fairtrial.domain.estimates import NotEnough
from fairtrial.experiments.analysis.plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.analysis.sums import MetricSums, Sums
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.arms.quantiles import QuantileSums, quantile_difference
from fairtrial.stats.arms.ratios import ratio_difference
from fairtrial.stats.e_values import EValue
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.cost_guardrail import cost_guardrail
from fairtrial.stats.sequential.error_guardrail import RequestErrors, error_guardrail
from fairtrial.stats.sequential.guardrails import GuardrailFinding, Limits, guardrail, rare_evidence, rare_harm

Pair = tuple[MetricSums, MetricSums]
"""The sums of the control and a treatment."""
ABOVE_MARGIN = 0.01
"""How much larger the share of units above the cap of a cost may be."""


@dataclass(frozen=True, slots=True)
class Harm:
    """The evidence that a treatment does harm by counted events, and the value at which it is proven."""

    metric: str
    variant: str
    log_e: float
    log_kill: float

    @property
    def proven(self) -> bool:
        """Whether it is enough to stop."""
        return self.log_e >= self.log_kill


def harm_only(plan: AnalysisPlan, sums: Sums) -> tuple[Harm, ...]:
    """The part of a look that can kill within seconds: the evidence by guardrails that count events.

    A pair of arms without enough data is left out.
    """
    users: dict[str, dict[str, int]] = {}
    for metric in plan.guardrails:
        found = {name: arm.metrics.get(metric.metric) for name, arm in sums.arms.items()}
        users[metric.metric] = {name: one.users for name, one in found.items() if isinstance(one, RequestErrors)}
    return harm_by_users(plan, users)


def harm_by_users(plan: AnalysisPlan, users: Mapping[str, Mapping[str, int]]) -> tuple[Harm, ...]:
    """As `harm_only`, from the number of units with an event alone: by metric, then by variant."""
    found = []
    for metric in plan.guardrails:
        hit = users.get(metric.metric, {})
        log_kill = -log(kill_alpha(plan, metric))
        for variant in plan.treatments:
            if metric.counts_events and plan.control in hit and variant in hit:
                limits = Limits(1.0, metric.stop)
                evidence = rare_evidence(hit[plan.control], hit[variant], limits, share=plan.share_of(variant))
                if isinstance(evidence, EValue):
                    found.append(Harm(metric.metric, variant, evidence.log_e, log_kill))
    return tuple(found)


def kill_alpha(plan: AnalysisPlan, metric: MetricPlan) -> float:
    """The error probability of one test for harm.

    Two tests share the alpha of an amount (the mean, the share above the cap), and that of counted events whose level
    the experiment measures itself (before and after it is known).
    """
    return plan.alpha_kill / 2 if metric.method == "amount" or tested_twice(metric) else plan.alpha_kill


def tested_twice(metric: MetricPlan) -> bool:
    """Whether harm by counted events is tested before the level is known, and again on the units after."""
    return metric.counts_events and metric.measures_level


def judge_guardrail(plan: AnalysisPlan, metric: MetricPlan, pair: Pair, share: float) -> GuardrailFinding:
    """Tests harm at the alpha of kills, and safety at the alpha of the attempt."""
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
        if metric.method == "events" and not metric.counts_events:
            return _points(metric, pair, limits)
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


def _points(metric: MetricPlan, pair: Pair, limits: Limits) -> GuardrailFinding:
    """Events whose margin that stops is in points, which only the difference of their rates can show.

    While the level that a relative margin refers to is unknown, nothing is proven safe.
    """
    margin = metric.margin_on_scale
    on_scale = replace(limits, margin=margin or metric.stop, stop_margin=metric.stop, bad="up")
    found = guardrail(scaled_difference(metric, pair)(1.0), on_scale)
    safe = guardrail(scaled_difference(metric, pair, safety=True)(1.0), on_scale)
    return replace(found, safe=safe.safe, not_worse=safe.not_worse and bool(margin))


def _relative_stop(metric: MetricPlan) -> float:
    return (metric.stop_on_scale or 0.0) / (metric.level or 1.0)


def _log_e(found: GuardrailFinding) -> float:
    return found.evidence.log_e if isinstance(found.evidence, EValue) else -inf


def scaled_difference(metric: MetricPlan, pair: Pair, *, safety: bool = False) -> Callable[[float], Effect | NotEnough]:
    """Treatment − scale · control, on the scale of the sums: of events, that is the share of bad ones.

    ``safety``: with the pessimistic sums, by which a treatment is proven to be better, not worse or safe.
    """
    one, other = pair
    if isinstance(one, RequestErrors) and isinstance(other, RequestErrors):
        arms = [(arm.for_safety if safety else arm.requests) for arm in (one, other)]
        return lambda scale: ratio_difference(*arms, cap=one.cap, scale=scale)
    if isinstance(one, Amounts) and isinstance(other, Amounts):
        return lambda scale: mean_difference(one.capped, other.capped, within=one.within, scale=scale)
    if isinstance(one, QuantileSums) and isinstance(other, QuantileSums):
        return lambda scale: quantile_difference(one, other, scale=scale)
    if isinstance(one, Feedback) and isinstance(other, Feedback):
        return lambda scale: mean_difference(one.given, other.given, within=metric.within, scale=scale)
    raise TypeError(f"{metric.metric}: the arms have different sums")
