"""Says in words what the guardrails of an experiment show: declines, harm, safety, stops, and requests kept away."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp

from fairtrial.domain.metrics import KEPT_AWAY_RATE
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.decision.values import Decision, GuardrailDecision, KeptAway
from fairtrial.experiments.decision.wording import levels_words
from fairtrial.experiments.metric_wording import between_words, rounded_up, size_words

NEAR = 0.25
"""The share of the stopping evidence above which the next stage waits."""
LITTLE = 0.01
WIDE = 10.0
"""An interval that reaches so many margins to both sides says little."""
LARGEST = 30.0
"""Larger logarithms of evidence are shown as this one."""


def guardrails_sentence(decisions: Mapping[str, Decision]) -> str:
    """Whether harm is proven by the guardrails of all treatments, and how many are proven safe."""
    total = sum(len(decision.guardrails) for decision in decisions.values())
    if not total:
        return "There are no guardrails."
    harmed = [
        f"{guardrail.metric} of {decision.variant}" for decision in decisions.values() for guardrail in decision.harmed
    ]
    if harmed:
        return f"Harm is proven for {' and '.join(harmed)}."
    declined = [
        f"{guardrail.metric} of {decision.variant}" for decision in decisions.values() for guardrail in decision.pausing
    ]
    safe = sum(decision.safe for decision in decisions.values())
    if declined:
        return f"A decline is proven for {' and '.join(declined)}; {safe} of {total} proven safe."
    if safe == total:
        return f"All guardrails hold ({safe} of {total} proven safe)."
    return f"No guardrail shows proven harm; {safe} of {total} proven safe."


def kept_away_arms(decisions: Mapping[str, Decision]) -> list[KeptAway]:
    """What breakers kept from each arm; empty without any."""
    return list({one.variant: one for decision in decisions.values() for one in decision.kept_away}.values())


def kept_away_words(decisions: Mapping[str, Decision]) -> str:
    """The share of each arm's requests that a breaker kept from it; empty without any."""
    shares = [
        f"{100 * arm.kept_away / max(1, arm.requests):.1f} % of {counted(arm.requests, 'request')} of {arm.variant}"
        for arm in kept_away_arms(decisions)
    ]
    if not shares:
        return ""
    return f"{KEPT_AWAY_RATE}: {' against '.join(shares)}. They count against safety, and not as errors."


def decline_words(plan: AnalysisPlan, variant: str, one: GuardrailDecision) -> str:
    """The decline of a guardrail that pauses, with its difference."""
    metric = plan.metric(one.metric)
    levels = "" if one.treatment.level is None else f": {levels_words(plan, one)}"
    if one.declined:
        return f"{one.metric} of {variant} is proven to be worse{levels} ({e_value_words(one.log_e)})"
    size = "" if one.weighed is None else f" (by {size_words(one.weighed.value, metric)})"
    return f"{one.metric} of {variant} is proven to be worse than the margin if each request weighs the same{size}"


def stops_words(metric: MetricPlan, *, rolls_back: bool = False) -> str:
    """What pauses and what stops for good, in a few words; empty for plans with a single stop.

    ``rolls_back``: whether a control is kept after a promotion, so that what pauses rolls back.
    """
    if metric.pause is None:
        return ""
    if rolls_back:
        return f"{_decline(metric.pause, metric.pause_relative, metric)} rolls the promotion back"
    kill = "stops for good" if metric.signal == "kill" else "pauses"
    if not metric.pauses_earlier:
        return f"{_decline(metric.stop, metric.stop_relative, metric)} {kill}"
    first = f"{_decline(metric.pause, metric.pause_relative, metric)} pauses"
    too = "" if metric.signal == "kill" else " too"
    return f"{first}, more than {_size(metric.stop, metric.stop_relative, metric)} {kill}{too}"


def _decline(value: float, relative: bool, metric: MetricPlan) -> str:
    return "any proven decline" if value == 0 else f"a proven decline of more than {_size(value, relative, metric)}"


def _size(value: float, relative: bool, metric: MetricPlan) -> str:
    return f"{100 * value:g} % of the control" if relative else size_words(value, metric)


def e_value_words(log_e: float | None) -> str:
    """The strength of evidence."""
    return "e-value unknown" if log_e is None else f"e-value {exp(min(log_e, LARGEST)):,.0f}"


def weighed_words(plan: AnalysisPlan, variant: str, one: GuardrailDecision) -> str:
    """The difference with each request weighing the same; empty without one."""
    if one.weighed is None:
        return ""
    estimate = one.weighed.estimate()
    wide = one.margin is not None and min(-estimate.low, estimate.high) > WIDE * one.margin
    little = "little is known yet: " if wide else ""
    proven = ", which is proven to be worse than the margin" if one.vetoed else ""
    between = between_words(estimate, plan.metric(one.metric))
    return f"with each request weighing the same, {little}{variant} is {between}{proven}"


def room_words(one: GuardrailDecision, unit: str) -> str:
    """The evidence of the first stop for people, and what is missing for safety."""
    if one.answer == "harmed":
        return "harm is proven"
    safe = "proven safe; " if one.answer == "safe" and one.pause_at is not None else ""
    if one.answer != "safe" and one.missing is not None:
        more = rounded_up(one.missing)
        safe = f"about {counted(more, f'more {unit}')} {'is' if more == 1 else 'are'} needed to prove it safe; "
    if one.vetoed:
        safe += "worse than the margin if each request weighs the same; "
    return safe + _evidence_words(one)


def _evidence_words(decision: GuardrailDecision) -> str:
    two = decision.pause_at is not None and decision.pause_at != decision.kill_at
    what = "a decline" if two else "harm"
    if decision.declined:
        return "a decline is proven"
    if decision.room is None:
        return f"too few events for any evidence of {what}" if decision.treatment.level is not None else "no data yet"
    if decision.room >= 1:
        return f"{what} is proven"
    if decision.room < LITTLE:
        return f"hardly any evidence of {what}"
    share, stops = f"{100 * decision.room:.0f} % of what", "pauses" if two else "stops"
    words = f"the evidence of {what} is {share} {stops} the experiment"
    if decision.pause_at is None:
        words = f"evidence of harm at {share} stops the experiment"
    return f"{words}; the next stage waits" if decision.room > NEAR else words
