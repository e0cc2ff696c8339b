"""Says in words what an experiment has shown and decided about one treatment: effect, levels, answer, guardrails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import exp

from fairtrial.domain.metrics import KEPT_AWAY_RATE
from fairtrial.domain.plurals import counted
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.decision.decide import WEEK_US
from fairtrial.experiments.decision.values import (
    Arm,
    Decision,
    GuardrailDecision,
    Interval,
    KeptAway,
    MetricDecision,
    Size,
    Tried,
)
from fairtrial.experiments.methods.exact import is_exact
from fairtrial.experiments.metric_wording import (
    bare_size,
    between_words,
    goodness,
    is_share,
    level_words,
    moment_words,
    rounded_up,
    size_words,
)
from fairtrial.stats.sequential.obrien_fleming import LOOKS

WEEK_DAYS = 7
NEAR = 0.25
"""The share of the stopping evidence above which the next stage waits."""
LITTLE = 0.01
LARGEST = 30.0
"""Larger logarithms of evidence are shown as this one."""


def headline_words(plan: AnalysisPlan, decision: Decision) -> str:
    """The answer on the primary metric and the effect, in a few words."""
    primary, variant = decision.primary, decision.variant
    if primary is not None and primary.changed:
        return f"HOLD: the effect of {variant} on {primary.metric} has changed since the start"
    if decision.at_us is None or not any(one.units for one in decision.split.arms):
        return "No data yet"
    if primary is None:
        return "Nothing is decided but harm, because there is no primary metric"
    metric = plan.metric(primary.metric)
    if primary.answer == "undecided":
        return "Not decided yet" + (f": {variant} is {between_words(primary.interval.estimate(), metric)}"
                                    if primary.interval else "")  # fmt: skip
    effect = "" if primary.interval is None else f": {primary.metric} is {_size_and_way(primary.interval, metric)}"
    return f"{variant} is {primary.answer}{effect}"


def effect_words(plan: AnalysisPlan, decision: Decision) -> str:
    """The effect on the primary metric with its interval and the levels of both arms; empty without an interval."""
    primary = decision.primary
    if primary is None or primary.interval is None:
        return ""
    metric, interval = plan.metric(primary.metric), primary.interval
    levels = levels_words(plan, primary)
    if primary.answer == "undecided":
        return f"{decision.variant} is {between_words(interval.estimate(), metric)} on {metric.metric} ({levels})"
    sign = 1 if interval.value > 0 else -1
    low, high = sorted(sign * end for end in (interval.estimate().low, interval.estimate().high))
    unit = " points" if is_share(metric) else ""
    number = primary.planned_look
    validity = f"at planned look {number} of {LOOKS}" if number else "valid at any time"
    return (
        f"{metric.metric} is {_size_and_way(interval, metric)} with {decision.variant} than with {plan.control} "
        f"({bare_size(low, metric)} to {bare_size(high, metric)}{unit}, {validity}; {levels})"
    )


def _size_and_way(interval: Interval, metric: MetricPlan) -> str:
    return f"{size_words(interval.value, metric)} {'higher' if interval.value > 0 else 'lower'}"


def invalid_words(crossed_us: int | None, now_us: int) -> str:
    """What a sample-ratio mismatch means."""
    since = "" if crossed_us is None else f", first seen {moment_words(crossed_us, now_us=now_us)}"
    return (
        f"the units do not arrive by the planned split{since}. The arms can't be compared; find the cause, then start "
        "anew with a new salt"
    )


def primary_sentence(plan: AnalysisPlan, decision: Decision, *, now_us: int, running: bool = True) -> str:
    """The primary metric of one treatment: its effect, the decision, or what is missing for one."""
    primary = decision.primary
    if primary is None:
        raise ValueError(f"{plan.experiment} has no primary metric")
    if primary.changed:
        return (
            f"HOLD: the effect of {decision.variant} on {primary.metric} has changed since the start, so it stays "
            "undecided. Start a new segment."
        )
    if primary.answer == "undecided":
        return " ".join(_undecided(plan, decision, now_us=now_us, running=running))
    effect = effect_words(plan, decision)
    return f"{effect + '.' if effect else decision.variant + ':'} {decision_words(decision, now_us)}"


def decision_words(decision: Decision, now_us: int) -> str:
    """The answer on the primary metric, and from when it counts."""
    primary = decision.primary
    if primary is None or primary.answer == "undecided" or primary.counts_us is None:
        return "Not decided yet."
    if primary.meets and now_us < primary.counts_us:
        return f"{primary.answer.capitalize()} so far; it counts from {moment_words(primary.counts_us, now_us=now_us)}."
    return f"Decided: {primary.answer}, as planned." if primary.meets else f"Decided: {primary.answer}."


def levels_words(plan: AnalysisPlan, one: MetricDecision) -> str:
    """The levels of both arms, each with its number of units."""
    metric = plan.metric(one.metric)
    return " against ".join(_arm_words(plan, metric, arm) for arm in (one.treatment, one.control))


def _arm_words(plan: AnalysisPlan, metric: MetricPlan, arm: Arm) -> str:
    units, level = counted(arm.units, plan.unit), level_words(arm.level, metric)
    if metric.counts_requests:
        return f"{level} of the requests of {units} of {arm.variant}"
    return f"{level} of {units} of {arm.variant}" if is_share(metric) else f"{level} for {units} of {arm.variant}"


def _undecided(plan: AnalysisPlan, decision: Decision, *, now_us: int, running: bool) -> Iterator[str]:
    primary = decision.primary
    if primary is None:
        return
    metric = plan.metric(primary.metric)
    yield "Not decided yet."
    if primary.interval is not None:
        yield f"{effect_words(plan, decision)}."
        estimate = primary.interval.estimate()
        if not estimate.low <= 0 <= estimate.high:
            yield _why_not(plan, metric, primary.interval)
    elif primary.why and plan.planned_units is None:
        yield f"{metric.metric} of {decision.variant}: {primary.why}."
    if primary.next_look:
        yield f"{primary.next_look[0].upper()}{primary.next_look[1:]}."
    elif primary.size is not None and running:
        yield from _needed(plan, metric, primary.size, now_us)


def _why_not(plan: AnalysisPlan, metric: MetricPlan, interval: Interval) -> str:
    """Why an interval that excludes 0 decides nothing."""
    if metric.require == "not_worse" and goodness(interval.value, metric) < 0:
        return "The decline is proven, but not whether it is within the margin."
    missing = metric.method == "feedback" and not is_exact(plan, metric)
    return "The units without feedback could change that." if missing else "The rule asks for more."


def _needed(plan: AnalysisPlan, metric: MetricPlan, found: Size, now_us: int) -> Iterator[str]:
    aim = size_words(metric.margin_on_scale or 0.0, metric)
    if found.more == 0:
        yield (
            f"It has the {counted(found.needed, plan.unit)} that show a difference of {aim} with a probability of "
            f"{100 * found.power:.0f} %; a smaller one needs more."
        )
        return
    waiting = min(found.waiting, found.more)
    enrolled = f", of whom {waiting:,} are enrolled and wait for the end of their window" if waiting else ""
    end_us = plan.started_us + plan.max_weeks * WEEK_US
    when = ""
    if found.expected_us is not None:
        when = f"; expected on {moment_words(found.expected_us, now_us=now_us)} at the present rate"
        if found.expected_us > end_us:
            when = f"; at the present rate they do not come before it ends on {moment_words(end_us, now_us=now_us)}"
    rounded = rounded_up(found.more)
    verb = "is" if rounded == 1 else "are"
    yield f"About {counted(rounded, f'more {plan.unit}')} {verb} needed for {aim}{enrolled}{when}."


def guardrails_sentence(decisions: Mapping[str, Decision]) -> str:
    """Whether harm is proven by the guardrails of all treatments, and how many are proven safe."""
    total = sum(len(one.guardrails) for one in decisions.values())
    if not total:
        return "There are no guardrails."
    harmed = [f"{one.metric} of {found.variant}" for found in decisions.values() for one in found.harmed]
    if harmed:
        return f"Harm is proven for {' and '.join(harmed)}."
    declined = [f"{one.metric} of {found.variant}" for found in decisions.values() for one in found.pausing]
    safe = sum(found.safe for found in decisions.values())
    if declined:
        return f"A decline is proven for {' and '.join(declined)}; {safe} of {total} proven safe."
    if safe == total:
        return f"All guardrails hold ({safe} of {total} proven safe)."
    return f"No guardrail shows proven harm; {safe} of {total} proven safe."


def kept_away_arms(decisions: Mapping[str, Decision]) -> list[KeptAway]:
    """What breakers kept from each arm; empty without any."""
    return list({one.variant: one for found in decisions.values() for one in found.kept_away}.values())


def kept_away_words(decisions: Mapping[str, Decision]) -> str:
    """The share of each arm's requests that a breaker kept from it; empty without any."""
    shares = [
        f"{100 * one.kept_away / max(1, one.requests):.1f} % of {counted(one.requests, 'request')} of {one.variant}"
        for one in kept_away_arms(decisions)
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
    return (
        f"{one.metric} of {variant} is proven to be worse than the margin if each request weighs the same{size}: few "
        f"{plan.unit}s send the requests that suffer"
    )


def stops_words(metric: MetricPlan) -> str:
    """What pauses and what stops for good, in a few words; empty for plans with a single stop."""
    if metric.pause is None:
        return ""
    kills = metric.signal == "kill"
    if not metric.pauses_earlier:
        return f"{_stop_words(metric.stop, metric.stop_relative, metric)} {'stops for good' if kills else 'pauses'}"
    first = f"{_stop_words(metric.pause, metric.pause_relative, metric)} pauses"
    return f"{first}, more than {_size(metric.stop, metric.stop_relative, metric)} stops for good" if kills else first


def _stop_words(value: float, relative: bool, metric: MetricPlan) -> str:
    if value == 0:
        return "any proven decline"
    return f"a proven decline of more than {_size(value, relative, metric)}"


def _size(value: float, relative: bool, metric: MetricPlan) -> str:
    return f"{100 * value:g} % of the control" if relative else size_words(value, metric)


def e_value_words(log_e: float | None) -> str:
    """The strength of evidence."""
    return "e-value unknown" if log_e is None else f"e-value {exp(min(log_e, LARGEST)):,.0f}"


def weighed_words(plan: AnalysisPlan, variant: str, one: GuardrailDecision) -> str:
    """The difference with each request weighing the same; empty without one."""
    if one.weighed is None:
        return ""
    between = between_words(one.weighed.estimate(), plan.metric(one.metric))
    proven = ", which is proven to be worse than the margin" if one.vetoed else ""
    return f"with each request weighing the same, {variant} is {between}{proven}"


def room_words(one: GuardrailDecision, unit: str) -> str:
    """The evidence of the first stop for people, and what is missing for safety."""
    if one.answer == "harmed":
        return "harm is proven"
    safe = "proven safe; " if one.answer == "safe" else ""
    if one.answer != "safe" and one.missing is not None:
        more = rounded_up(one.missing)
        safe = f"about {counted(more, f'more {unit}')} {'is' if more == 1 else 'are'} needed to prove it safe; "
    if one.vetoed:
        safe += "worse than the margin if each request weighs the same; "
    return safe + _evidence_words(one)


def _evidence_words(one: GuardrailDecision) -> str:
    two = one.pause_at is not None and one.pause_at != one.kill_at
    what = "a decline" if two else "harm"
    if one.declined:
        return "a decline is proven"
    if one.room is None:
        return f"too few events for any evidence of {what}" if one.treatment.level is not None else "no data yet"
    if one.room >= 1:
        return f"{what} is proven"
    if one.room < LITTLE:
        return f"hardly any evidence of {what}"
    stops = "pauses" if two else "stops"
    words = f"the evidence of {what} is {100 * one.room:.0f} % of what {stops} the experiment"
    return f"{words}; the next stage waits" if one.room > NEAR else words


def tried_words(plan: AnalysisPlan, tried: Tried) -> str:
    """How many definitions were tried, and what the best of so many gains by luck; empty for the first one."""
    if tried.definitions < 2:
        return ""
    luck = ""
    if tried.luck is not None and plan.primary is not None:
        luck = f"; the best of so many equal ones gains about {size_words(tried.luck, plan.primary)} by luck"
    return f"its routes have tried {tried.definitions} definitions against {plan.control} in 90 days{luck}"


def notes(plan: AnalysisPlan) -> Iterator[str]:
    """What every report of this plan says."""
    if plan.attempt > 1:
        yield (
            f"This is attempt {plan.attempt} with this candidate, so it has an alpha of "
            f"{100 * plan.alpha_attempt:.3g} % instead of {100 * plan.alpha:.3g} %."
        )
    if plan.revision > 1:
        yield f"The plan was amended {'once' if plan.revision == 2 else f'{plan.revision - 1} times'}."
    if plan.min_days < WEEK_DAYS and plan.primary is not None:
        days = f"{plan.min_days:g} day{'' if plan.min_days == 1 else 's'}"
        yield f"It may decide after {days} (min_days), so it may not have seen every day of the week."
