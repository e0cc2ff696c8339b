"""Words the caveats of a decision: missing feedback, effects that fade, and arms that can't be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairtrial.domain.plan import UnitKind
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis_plan import SEEN_WEEKS, AnalysisPlan, MetricPlan
from fairtrial.experiments.decision.values import (
    ArmLost,
    Decision,
    LostRecords,
    MetricDecision,
    MissingFeedback,
    PrimaryDecision,
    Split,
)
from fairtrial.experiments.methods.finding import EffectOverTime, WeekEffect, WeekEffects
from fairtrial.experiments.metric_wording import bare_size, between_words, goodness, is_share, moment_words, size_words

AT_RANDOM = "count as missing at random (missing: at_random)"
DIFFER = "but the arms may differ in how many there are, so the worst case must agree too"
WORST_CASE = "the worst case must agree too (missing: worst_case)"
UNSEEN = "a fading effect can't be seen"
NOT_KNOWN = f"the effect is not known in {SEEN_WEEKS} whole weeks yet"
MANY = 100
"""From so many lost units on, some may share a cell, so that there can be more."""


def missing_words(plan: AnalysisPlan, variant: str, metric_decision: MetricDecision) -> str:
    """What missing values of a metric count as, with the worst case; empty where the plan does not state it."""
    missing = metric_decision.missing_feedback
    if not isinstance(missing, MissingFeedback):
        return ""
    given, silent = "", f"{plan.unit}s without feedback"
    if missing.control == missing.treatment == 1:
        return f"all {plan.unit}s of {variant} and {plan.control} gave feedback (missing: {missing.counts_as})"
    if missing.control is not None and missing.treatment is not None:
        control, treatment = _percent(missing.control), _percent(missing.treatment)
        given = f"{treatment} of the {plan.unit}s of {variant} and {control} of {plan.control} gave feedback; "
        silent = "the others"
    rule = WORST_CASE
    if missing.counts_as == "at_random":
        decides = missing.must_agree and missing.worst_case is not None
        rule = f"{silent} {AT_RANDOM}" + (f", {DIFFER}" if decides else "")
    if missing.worst_case is None:
        return f"{given}{rule}"
    metric = plan.metric(metric_decision.metric)
    between, aim = (
        between_words(missing.worst_case.estimate(), metric),
        size_words(metric.margin_on_scale or 0.0, metric),
    )
    text = f"with each missing answer counted for the other side, {variant} is {between}"
    few = missing.must_agree and missing.least is not None and _least_given(missing) <= missing.least
    needs = f"; to show {aim}, over {_percent(missing.least or 0.0)} must give feedback" if few else ""
    return f"{given}{rule}{':' if missing.must_agree else ';'} {text}{needs}"


def missing_sentence(plan: AnalysisPlan, decisions: Mapping[str, Decision]) -> str:
    """The same of the primary metric, for all treatments; empty where the plan does not state it."""
    texts = (
        missing_words(plan, name, decision.primary)
        for name, decision in decisions.items()
        if decision.primary is not None
    )
    return " ".join(f"{words[0].upper()}{words[1:]}." for words in texts if words)


def _least_given(missing: MissingFeedback) -> float:
    known = [share for share in (missing.control, missing.treatment) if share is not None]
    return min(known, default=1.0)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def fading_words(plan: AnalysisPlan, primary: PrimaryDecision) -> str:
    """Why the weeks keep *better* from passing; empty if they do not."""
    over_time = primary.over_time
    if not isinstance(over_time, EffectOverTime) or not (over_time.fades or over_time.holds):
        return ""
    if not over_time.fades:
        return NOT_KNOWN
    metric, known = plan.metric(primary.metric), [week for week in over_time.weeks if week is not None]
    weeks = ", ".join(
        f"{_way(week.value, metric)} in week {number}"
        for number, week in enumerate(over_time.weeks, 1)
        if week is not None
    )
    coming = over_time.next_week
    if coming is None or goodness(known[-1].value, metric) < 0:
        return f"the effect fades: {weeks}"
    return f"the effect fades: {weeks}; a straight line leads to {_way(coming, metric)} in the next week"


def weeks_words(plan: AnalysisPlan, variant: str, primary: PrimaryDecision) -> str:
    """The effect by week and by age of the unit; empty before the first whole week."""
    over_time, metric = primary.over_time, plan.metric(primary.metric)
    if not isinstance(over_time, EffectOverTime) or not over_time.weeks:
        return ""
    weeks = "; ".join(_numbered(over_time.weeks, plan, metric))
    ages = "; ".join(_numbered(over_time.ages, plan, metric))
    by_age = f" By week since a {plan.unit}'s first request: {ages}." if ages else ""
    return f"{variant}, by week of the experiment: {weeks}.{by_age}"


def over_time_sentence(plan: AnalysisPlan, decisions: Mapping[str, Decision]) -> str:
    """The same for all treatments, with how its intervals are meant; empty before the first whole week."""
    texts = (
        weeks_words(plan, name, decision.primary)
        for name, decision in decisions.items()
        if decision.primary is not None
    )
    words = " ".join(text for text in texts if text)
    return f"{words} Each interval has 95 % for one look." if words else ""


def unseen_words(plan: AnalysisPlan) -> str:
    """What a plan that may pass early can't see; empty for others."""
    return UNSEEN if plan.may_miss_fading else ""


def _numbered(weeks: WeekEffects, plan: AnalysisPlan, metric: MetricPlan) -> Iterator[str]:
    for number, week in enumerate(weeks, 1):
        yield f"{number}: {'no data' if week is None else _with_interval(week, plan, metric)}"


def _with_interval(week: WeekEffect, plan: AnalysisPlan, metric: MetricPlan) -> str:
    units = f"{week.units:,} {plan.unit}s"
    if week.low is None or week.high is None:
        return f"{_way(week.value, metric)} ({units})"
    low, high = sorted(goodness(end, metric) for end in (week.low, week.high))
    unit = " points" if is_share(metric) else ""
    return f"{_way(week.value, metric)} ({bare_size(low, metric)} to {bare_size(high, metric)}{unit}, {units})"


def _way(value: float, metric: MetricPlan) -> str:
    if value == 0:
        return "no difference"
    return f"{size_words(value, metric)} {'better' if goodness(value, metric) > 0 else 'worse'}"


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
    """The same for all treatments, which share the test."""
    return next((lost_words(decision.split, decision.unit) for decision in decisions.values()), "")


def _arms(lost: LostRecords, unit: UnitKind) -> str:
    return "; ".join(_arm(arm, unit) for arm in lost.arms)


def _arm(arm: ArmLost, unit: UnitKind) -> str:
    if unit == "request" or not arm.requests:
        return f"{arm.variant} {counted(arm.requests, 'request')}"
    least = "at least " if arm.units >= MANY else ""
    return f"{arm.variant} {counted(arm.requests, 'request')} of {least}{counted(arm.units, unit)}"
