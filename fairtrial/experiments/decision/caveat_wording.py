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


def missing_words(plan: AnalysisPlan, variant: str, one: MetricDecision) -> str:
    """What missing values of a metric count as, with the worst case; empty where the plan does not state it."""
    found = one.missing_feedback
    if not isinstance(found, MissingFeedback):
        return ""
    given, silent = "", f"{plan.unit}s without feedback"
    if found.control == found.treatment == 1:
        return f"all {plan.unit}s of {variant} and {plan.control} gave feedback (missing: {found.counts_as})"
    if found.control is not None and found.treatment is not None:
        control, treatment = _percent(found.control), _percent(found.treatment)
        given = f"{treatment} of the {plan.unit}s of {variant} and {control} of {plan.control} gave feedback; "
        silent = "the others"
    rule = WORST_CASE
    if found.counts_as == "at_random":
        asked = found.must_agree and found.worst_case is not None
        rule = f"{silent} {AT_RANDOM}" + (f", {DIFFER}" if asked else "")
    if found.worst_case is None:
        return f"{given}{rule}"
    metric = plan.metric(one.metric)
    between, aim = between_words(found.worst_case.estimate(), metric), size_words(metric.margin_on_scale or 0.0, metric)
    says = f"with each missing answer counted for the other side, {variant} is {between}"
    few = found.must_agree and found.least is not None and _least_given(found) <= found.least
    needs = f"; to show {aim}, over {_percent(found.least or 0.0)} must give feedback" if few else ""
    return f"{given}{rule}{':' if found.must_agree else ';'} {says}{needs}"


def missing_sentence(plan: AnalysisPlan, decisions: Mapping[str, Decision]) -> str:
    """The same of the primary metric, for all treatments; empty where the plan does not state it."""
    found = (missing_words(plan, name, one.primary) for name, one in decisions.items() if one.primary is not None)
    return " ".join(f"{words[0].upper()}{words[1:]}." for words in found if words)


def _least_given(found: MissingFeedback) -> float:
    known = [share for share in (found.control, found.treatment) if share is not None]
    return min(known, default=1.0)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def fading_words(plan: AnalysisPlan, primary: PrimaryDecision) -> str:
    """Why the weeks keep *better* from passing; empty if they do not."""
    found = primary.over_time
    if not isinstance(found, EffectOverTime) or not (found.fades or found.holds):
        return ""
    if not found.fades:
        return NOT_KNOWN
    metric, known = plan.metric(primary.metric), [week for week in found.weeks if week is not None]
    weeks = ", ".join(
        f"{_way(week.value, metric)} in week {number}" for number, week in enumerate(found.weeks, 1) if week is not None
    )
    coming = found.next_week
    if coming is None or goodness(known[-1].value, metric) < 0:
        return f"the effect fades: {weeks}"
    return f"the effect fades: {weeks}; a straight line leads to {_way(coming, metric)} in the next week"


def weeks_words(plan: AnalysisPlan, variant: str, primary: PrimaryDecision) -> str:
    """The effect by week and by age of the unit; empty before the first whole week."""
    found, metric = primary.over_time, plan.metric(primary.metric)
    if not isinstance(found, EffectOverTime) or not found.weeks:
        return ""
    weeks = "; ".join(_numbered(found.weeks, plan, metric))
    ages = "; ".join(_numbered(found.ages, plan, metric))
    by_age = f" By week since a {plan.unit}'s first request: {ages}." if ages else ""
    return f"{variant}, by week of the experiment: {weeks}.{by_age}"


def over_time_sentence(plan: AnalysisPlan, decisions: Mapping[str, Decision]) -> str:
    """The same for all treatments, with how its intervals are meant; empty before the first whole week."""
    found = (weeks_words(plan, name, one.primary) for name, one in decisions.items() if one.primary is not None)
    words = " ".join(one for one in found if one)
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
    crossed_us, says = split.crossed_us, "the units do not arrive by the planned split"
    if isinstance(split.lost, LostRecords) and crossed_us is None:
        crossed_us = split.lost.crossed_us
        says = f"the arms lost the records of unequally many {unit}s ({_arms(split.lost, unit)})"
    since = "" if crossed_us is None else f", first seen {moment_words(crossed_us, now_us=now_us)}"
    return f"{says}{since}. The arms can't be compared; find the cause, then start anew with a new salt"


def lost_words(split: Split, unit: UnitKind) -> str:
    """How many records each arm lost, and whether the arms seem to differ; empty if none were lost."""
    found = split.lost
    if not isinstance(found, LostRecords) or not any(one.requests for one in found.arms):
        return ""
    differ = f"The arms seem to differ (p {found.p:.2g})" if found.differs else "No difference of the arms is shown"
    return f"Records that were assigned and never stored: {_arms(found, unit)}. {differ}."


def lost_sentence(decisions: Mapping[str, Decision]) -> str:
    """The same for all treatments, which share the test."""
    return next((lost_words(one.split, one.unit) for one in decisions.values()), "")


def _arms(found: LostRecords, unit: UnitKind) -> str:
    return "; ".join(_arm(one, unit) for one in found.arms)


def _arm(one: ArmLost, unit: UnitKind) -> str:
    if unit == "request" or not one.requests:
        return f"{one.variant} {counted(one.requests, 'request')}"
    least = "at least " if one.units >= MANY else ""
    return f"{one.variant} {counted(one.requests, 'request')} of {least}{counted(one.units, unit)}"
