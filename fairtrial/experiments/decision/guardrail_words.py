"""Words guardrails: declines, harm, safety, stops, and what they wait for."""

from collections.abc import Iterable, Iterator, Mapping
from math import exp

from fairtrial.domain.decision import values
from fairtrial.domain.metrics import KEPT_AWAY_RATE
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.arm_words import arm_words
from fairtrial.experiments.decision.by_request_words import by_request_words, heaviest_sentence
from fairtrial.experiments.methods import finding
from fairtrial.experiments.metric_plan import MetricPlan

NEAR = 0.25
"""The share of the stopping evidence above which the next stage waits."""
FEWEST_DOUBTED, DOUBTED_MARGINS = 10, 5
"""Units of each arm, and margins by which a share is worse, from which on a page warns before anything is proven."""
NEARLY_ALL = 0.95
LITTLE = 0.01
WIDE = 10.0
"""An interval that reaches so many margins to both sides says little."""
LARGEST = 30.0
"""Larger logarithms of evidence are shown as this one."""


def guardrails_sentence(decisions: Mapping[str, values.Decision]) -> str:
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
    safe, heaviest = sum(decision.safe for decision in decisions.values()), heaviest_sentence(decisions)
    if declined:
        return f"A decline is proven for {' and '.join(declined)}; {safe} of {total} proven safe.{heaviest}"
    if safe == total:
        return f"All guardrails hold ({safe} of {total} proven safe).{heaviest}"
    return f"No guardrail shows proven harm; {safe} of {total} proven safe.{heaviest}"


def doubt_words(plan: AnalysisPlan, decisions: Iterable[values.Decision]) -> str:
    """The guardrails that look harmful although nothing is proven, so that a page doesn't look calm; may be empty."""
    doubtful = [
        f"{guardrail.metric} looks worse: {levels_words(plan, guardrail)}"
        for decision in decisions
        for guardrail in decision.guardrails
        if guardrail.answer == "open" and _looks_harmful(plan.metric(guardrail.metric), guardrail)
    ]
    return f"Not proven, but {'; '.join(doubtful)}." if doubtful else ""


def _looks_harmful(metric: MetricPlan, guardrail: values.GuardrailDecision) -> bool:
    """Whether the evidence holds back the next stage, or a share is many margins worse before there can be evidence."""
    if (guardrail.room or 0.0) > NEAR:
        return True
    control, treatment, margin = guardrail.control, guardrail.treatment, metric.margin_on_scale
    if control.level is None or treatment.level is None or margin is None or not finding.is_share(metric):
        return False
    loss = (treatment.level - control.level) * (1 if metric.better == "lower" else -1)
    return min(control.units, treatment.units) >= FEWEST_DOUBTED and loss > DOUBTED_MARGINS * margin


def kept_away_arms(decisions: Mapping[str, values.Decision]) -> list[values.KeptAway]:
    """What breakers kept from each arm; empty without any."""
    return list({arm.variant: arm for decision in decisions.values() for arm in decision.kept_away}.values())


def kept_away_words(decisions: Mapping[str, values.Decision]) -> str:
    """The share of each arm's requests that a breaker kept from it; empty without any."""
    shares = [
        f"{100 * arm.kept_away / max(1, arm.requests):.1f} % of {counted(arm.requests, 'request')} of {arm.variant}"
        for arm in kept_away_arms(decisions)
    ]
    if not shares:
        return ""
    return f"{KEPT_AWAY_RATE}: {' against '.join(shares)}. They count against safety, and not as errors."


def decline_words(plan: AnalysisPlan, variant: str, guardrail: values.GuardrailDecision) -> str:
    """The decline of a guardrail that pauses, with its difference."""
    metric = plan.metric(guardrail.metric)
    levels = "" if guardrail.treatment.level is None else f": {levels_words(plan, guardrail)}"
    if guardrail.declined:
        return f"{guardrail.metric} of {variant} is proven to be worse{levels} ({e_value_words(guardrail.log_e)})"
    size = "" if guardrail.weighed is None else f" (by {finding.size_words(guardrail.weighed.value, metric)})"
    return (
        f"{guardrail.metric} of {variant} is proven to be worse than the margin if each request weighs the same{size}"
    )


def kept_decline_words(plan: AnalysisPlan, decisions: Iterable[values.Decision]) -> str:
    """The proven declines that a kept control shows and that do not roll back; empty without any."""
    declines = [(decision.variant, decline) for decision in decisions for decline in decision.pausing]
    return "; ".join(_kept_decline(plan, *decline) for decline in declines if plan.kept_control is not None)


def _kept_decline(plan: AnalysisPlan, variant: str, decline: values.GuardrailDecision) -> str:
    metric, levels = plan.metric(decline.metric), ""
    if decline.declined_levels is not None:
        control, treatment = (finding.level_words(level, metric) for level in decline.declined_levels)
        levels = f" ({treatment} against {control} of {plan.control} at that time)"
    most = _size(metric.stop, metric.stop_relative, metric)
    return f"{metric.metric} of {variant} was proven to be worse{levels}; more than {most} is not proven"


def stops_words(plan: AnalysisPlan, metric: MetricPlan) -> str:
    """What pauses and what stops for good, in a few words; empty for plans with a single stop."""
    if metric.pause is None:
        return ""
    kept = plan.kept_control is not None
    if plan.rolls_back_declines:
        return f"{_decline(metric.pause, metric.pause_relative, metric)} rolls the promotion back"
    kill = "rolls the promotion back" if kept else "stops for good" if metric.signal == "kill" else "pauses"
    if not metric.pauses_earlier:
        return f"{_decline(metric.stop, metric.stop_relative, metric)} {kill}"
    first = f"{_decline(metric.pause, metric.pause_relative, metric)} {'raises an alarm' if kept else 'pauses'}"
    too = "" if kept or metric.signal == "kill" else " too"
    return f"{first}, more than {_size(metric.stop, metric.stop_relative, metric)} {kill}{too}"


def _decline(value: float, relative: bool, metric: MetricPlan) -> str:
    return "any proven decline" if value == 0 else f"a proven decline of more than {_size(value, relative, metric)}"


def _size(value: float, relative: bool, metric: MetricPlan) -> str:
    return f"{100 * value:g} % of the control" if relative else finding.size_words(value, metric)


def e_value_words(log_e: float | None) -> str:
    """The strength of evidence."""
    return "e-value unknown" if log_e is None else f"e-value {exp(min(log_e, LARGEST)):,.0f}"


def weighed_words(plan: AnalysisPlan, variant: str, guardrail: values.GuardrailDecision) -> str:
    """The difference with each request weighing the same; empty without one."""
    metric, by_request = plan.metric(guardrail.metric), guardrail.by_request
    proven = ", which is proven to be worse than the margin" if guardrail.vetoed else ""
    if by_request is not None:
        return by_request_words(metric, variant, plan.unit, by_request) + proven
    if guardrail.weighed is None:
        return ""
    estimate = guardrail.weighed.estimate()
    wide = guardrail.margin is not None and min(-estimate.low, estimate.high) > WIDE * guardrail.margin
    little = "little is known yet: " if wide else ""
    between = finding.between_words(estimate, metric)
    return f"with each request weighing the same, {little}{variant} is {between}{proven}"


def room_words(guardrail: values.GuardrailDecision, unit: str, *, kept: bool = False) -> str:
    """The answer if there is one, the evidence of the first stop, and what is missing for safety."""
    parts = evidence_parts(guardrail, unit, kept=kept)
    if guardrail.answer == "open" or (guardrail.answer == "safe" and guardrail.pause_at is None):
        return "; ".join(parts)
    return "; ".join([values.ANSWERED[guardrail.answer], *parts])


def evidence_parts(guardrail: values.GuardrailDecision, unit: str, *, kept: bool = False) -> Iterator[str]:
    """The evidence of the first stop, and what is missing for safety, without the answer."""
    if guardrail.answer == "harmed":
        return
    if guardrail.answer != "safe" and guardrail.missing is not None:
        more = finding.rounded_up(guardrail.missing)
        yield f"about {counted(more, f'more {unit}')} {'is' if more == 1 else 'are'} needed to prove it safe"
    elif guardrail.by_request is not None and guardrail.by_request.holds:
        yield "proven safe by each unit's share, but not by request"
    if guardrail.vetoed:
        yield "worse than the margin if each request weighs the same"
    if guardrail.answer != "declined":
        yield _evidence_words(guardrail, kept=kept)
    if waits := waits_words(guardrail, unit):
        yield waits


def waits_words(guardrail: values.GuardrailDecision, unit: str) -> str:
    """What pause and kill of a rate wait for; empty once the first hour of nearly all units is over."""
    hours, firsts = guardrail.hours, guardrail.firsts
    if hours is None or firsts is None or hours >= NEARLY_ALL * firsts:
        return ""
    units = guardrail.control.units + guardrail.treatment.units
    return (
        f"pause and kill wait for each {unit}'s first hour, which is over for {hours:,} of {counted(units, unit)}, and "
        f"count the first request of {firsts:,} of them already"
    )


def _evidence_words(decision: values.GuardrailDecision, *, kept: bool) -> str:
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
    stops = (
        ("raises an alarm" if two else "rolls the promotion back")
        if kept
        else f"{'pauses' if two else 'stops'} the experiment"
    )
    so_far = "evidence of harm at" if decision.pause_at is None else f"the evidence of {what} is"
    words = f"{so_far} {100 * decision.room:.0f} % of what {stops}"
    return f"{words}; the next stage waits" if decision.room > NEAR and not kept else words


def levels_words(plan: AnalysisPlan, metric_decision: values.MetricDecision) -> str:
    """The levels of both arms, each with its number of units."""
    metric, arms = plan.metric(metric_decision.metric), (metric_decision.treatment, metric_decision.control)
    if metric.counts_requests and all(arm.level is None and not arm.units for arm in arms):
        return "no requests yet"
    return " against ".join(arm_words(plan, metric, arm) for arm in arms)
