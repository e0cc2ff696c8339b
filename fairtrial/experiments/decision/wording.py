"""Words what an experiment has decided about one treatment: effect, answer, further units, split and lost records."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from fairtrial.domain.decision.arms import Interval
from fairtrial.domain.decision.split import ArmLost, LostRecords, Split
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.decision.values import Decision, EarlierProof, Tried
from fairtrial.domain.estimates import Forecast
from fairtrial.domain.settings import UnitKind
from fairtrial.domain.wording import counted, moment_words
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.caveat_words import fading_words, unseen_words
from fairtrial.experiments.decision.guardrail_words import e_value_words, levels_words
from fairtrial.experiments.methods.finding import (
    bare_size,
    between_words,
    goodness,
    is_share,
    level_words,
    rounded_up,
    size_words,
)
from fairtrial.experiments.methods.method import is_exact
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.sequential.group_sequential import LOOKS

MANY_LOST = 100
"""From so many lost units on, some may share a cell, so that there can be more."""

WEEK_DAYS = 7


def headline_words(plan: AnalysisPlan, decision: Decision) -> str:
    """The answer on the primary metric and the effect, in a few words."""
    primary, variant = decision.primary, decision.variant
    if primary is not None and primary.changed:
        return f"HOLD: the effect of {variant} on {primary.metric} has changed since the start"
    if decision.at_us is None or not any(arm.units for arm in decision.split.arms):
        return "No data yet"
    if primary is None:
        return "Nothing is decided but harm, because there is no primary metric"
    if decision.sources is not None:
        return decision.sources.headline(variant)
    metric = plan.metric(primary.metric)
    if primary.answer == "undecided":
        return "Not decided yet" + (f": {variant} is {between_words(primary.interval.estimate(), metric)}"
                                    if primary.interval else "")  # fmt: skip
    if primary.held and primary.fades:
        return f"HOLD: the effect of {variant} on {primary.metric} fades"
    effect = "" if primary.interval is None else f": {primary.metric} is {_size_and_way(primary.interval, metric)}"
    return f"{variant} is {primary.answer}{effect}"


def effect_words(plan: AnalysisPlan, decision: Decision) -> str:
    """The effect on the primary metric with its interval and the levels of both arms; empty without an interval."""
    primary, short = decision.primary, effect_in_short(plan, decision)
    if primary is None or primary.interval is None:
        return ""
    metric, interval = plan.metric(primary.metric), primary.interval
    levels = levels_words(plan, primary)
    if primary.answer == "undecided":
        return f"{decision.variant} {short} ({levels})"
    sign = 1 if interval.value > 0 else -1
    low, high = sorted(sign * end for end in (interval.estimate().low, interval.estimate().high))
    unit = " points" if is_share(metric) else ""
    number = primary.planned_look
    of = "" if plan.looks_weekly else f" of {LOOKS}"
    validity = f"at planned look {number}{of}" if number else "valid at any time"
    return (
        f"{metric.metric} {short} ({bare_size(low, metric)} to {bare_size(high, metric)}{unit}, {validity}; {levels})"
    )


def effect_in_short(plan: AnalysisPlan, decision: Decision) -> str:
    """The effect on the primary metric without its subject and its numbers; empty without an interval."""
    primary = decision.primary
    if primary is None or primary.interval is None:
        return ""
    metric, interval = plan.metric(primary.metric), primary.interval
    if primary.answer == "undecided":
        return f"is {between_words(interval.estimate(), metric)} on {metric.metric}"
    return f"is {_size_and_way(interval, metric)} with {decision.variant} than with {plan.control}"


def _size_and_way(interval: Interval, metric: MetricPlan) -> str:
    return f"{size_words(interval.value, metric)} {'higher' if interval.value > 0 else 'lower'}"


def proof_words(proof: EarlierProof) -> str:
    """What an attempt has proven of the definition, or how it was undone, without the name of the attempt."""
    day = f"{datetime.fromtimestamp(proof.at_us / 1e6, UTC):%d %b %Y}"
    if proof.proved in ("harmed", "worse"):
        word = "harms" if proof.proved == "harmed" else "is worse on"
        return f"proved on {day} that this definition {word} {proof.metric}"
    undone = "killed" if proof.proved == "killed" else "rolled back"
    return f"tested this definition and was {undone} on {day} by {proof.by}: {proof.why.rstrip('.')}"


def cleared_words(proof: EarlierProof) -> str:
    """What has cleared it, or what it does as long as nothing has."""
    blocks = ", so a release of it is blocked" if proof.blocks else ""
    return proof.cleared_by or f"nothing since has cleared it{blocks}"


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
    fading = fading_words(plan, primary) if primary.held and now_us >= (primary.counts_us or 0) else ""
    held = f" HOLD: {fading}." if fading else ""
    return f"{effect + '.' if effect else decision.variant + ':'} {decision_words(decision, now_us)}{held}"


def decision_words(decision: Decision, now_us: int) -> str:
    """The answer on the primary metric, and from when it counts."""
    primary = decision.primary
    if primary is None or primary.answer == "undecided" or primary.counts_us is None:
        return "Not decided yet."
    if primary.meets and now_us < primary.counts_us:
        return f"{primary.answer.capitalize()} so far; it counts from {moment_words(primary.counts_us, now_us=now_us)}."
    if primary.held:
        return f"{primary.answer.capitalize()} so far."
    return f"Decided: {primary.answer}, as planned." if primary.meets else f"Decided: {primary.answer}."


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


def _needed(plan: AnalysisPlan, metric: MetricPlan, forecast: Forecast, now_us: int) -> Iterator[str]:
    aim = size_words(metric.margin_on_scale or 0.0, metric)
    if forecast.more == 0:
        yield (
            f"It has the {counted(forecast.needed, plan.unit)} that show a difference of {aim} with a probability of "
            f"{100 * forecast.power:.0f} %; a smaller one needs more."
        )
        return
    waiting = min(forecast.waiting, forecast.more)
    enrolled = f", of whom {waiting:,} are enrolled and wait for the end of their window" if waiting else ""
    end_us = plan.ends_us
    when = ""
    if forecast.expected_us is not None:
        when = f"; expected on {moment_words(forecast.expected_us, now_us=now_us)} at the present rate"
        if forecast.expected_us > end_us:
            when = f"; at the present rate they do not come before it ends on {moment_words(end_us, now_us=now_us)}"
    rounded = rounded_up(forecast.more)
    verb = "is" if rounded == 1 else "are"
    yield f"About {counted(rounded, f'more {plan.unit}')} {verb} needed for {aim}{enrolled}{when}."


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
    if plan.sources:
        yield sources_note(plan)
    if plan.revision > 1:
        yield f"The plan was amended {'once' if plan.revision == 2 else f'{plan.revision - 1} times'}."
    if plan.primary is not None and (plan.min_days < WEEK_DAYS or plan.may_miss_fading):
        days = f"{plan.min_days:g} day{'' if plan.min_days == 1 else 's'}"
        week = "it may not have seen every day of the week" if plan.min_days < WEEK_DAYS else ""
        yield f"It may decide after {days} (min_days), so {' and '.join(filter(None, (week, unseen_words(plan))))}."


def sources_note(plan: AnalysisPlan) -> str:
    """How a plan with sources spends its error level."""
    shares = ", ".join(f"{name} {100 * share * plan.alpha_attempt:.2g} %" for name, share in plan.sources.items())
    return f"Better is tested by source: {shares}; worse by each at {100 * plan.alpha_attempt:.2g} %."


def stopped_sentence(plan: AnalysisPlan, last: Transition) -> str:
    """Why a rule stopped the experiment, from the evidence of the transition."""
    evidence = dict(last.evidence or {})
    at = datetime.fromtimestamp(last.at_us / 1e6, UTC)
    metric = next((guardrail for guardrail in plan.guardrails if guardrail.metric == evidence["metric"]), None)
    units = counted(int(evidence.get("units", {}).get(evidence["variant"], 0)), plan.unit)
    strength = evidence.get("log_e")
    e_value = "" if strength is None else f"{e_value_words(float(strength))}, "
    levels = last.why
    if metric is not None:
        treated, control = (level_words(evidence.get(arm), metric) for arm in ("treatment", "control"))
        levels = f"{treated} of {evidence['variant']} against {control} of {plan.control}"
    return (
        f"STOPPED at {at:%H:%M:%S} UTC on {at.day} {at:%b %Y} by {evidence['metric']}: {levels} ({e_value}{units} of "
        f"{evidence['variant']}). All traffic is on {plan.control}. "
        f"To start it again: fairtrial experiment rearm {plan.experiment} --why …"
    )


def invalid_words(split: Split, unit: UnitKind, now_us: int) -> str:
    """What a sample-ratio mismatch or unequally lost records mean."""
    crossed_us, text = split.crossed_us, "the units do not arrive by the planned split"
    if isinstance(split.lost, LostRecords) and crossed_us is None:
        crossed_us = split.lost.crossed_us
        text = f"the arms lost the records of unequally many {unit}s ({_arms(split.lost, unit)})"
    since = "" if crossed_us is None else f", first seen {moment_words(crossed_us, now_us=now_us)}"
    return f"{text}{since}. The arms can't be compared; find the cause, then start anew with a new salt"


def lost_words(split: Split, unit: UnitKind) -> str:
    """How many records each arm lost, and whether the arms seem to differ; empty if none were lost."""
    lost = split.lost
    if not isinstance(lost, LostRecords) or not any(arm.requests for arm in lost.arms):
        return ""
    differ = f"The arms seem to differ (p {lost.p:.2g})" if lost.differs else "No difference of the arms is shown"
    return f"Records that were assigned and never stored: {_arms(lost, unit)}. {differ}."


def lost_sentence(decisions: Mapping[str, Decision]) -> str:
    """How many records each arm lost; all treatments share the test."""
    return next((lost_words(decision.split, decision.unit) for decision in decisions.values()), "")


def _arms(lost: LostRecords, unit: UnitKind) -> str:
    return "; ".join(_arm(arm, unit) for arm in lost.arms)


def _arm(arm: ArmLost, unit: UnitKind) -> str:
    if unit == "request" or not arm.requests:
        return f"{arm.variant} {counted(arm.requests, 'request')}"
    least = "at least " if arm.units >= MANY_LOST else ""
    return f"{arm.variant} {counted(arm.requests, 'request')} of {least}{counted(arm.units, unit)}"
