"""Says in words how the effect on the primary metric changes over the weeks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairtrial.experiments.analysis_plan import SEEN_WEEKS, AnalysisPlan, MetricPlan
from fairtrial.experiments.decision.values import Decision, PrimaryDecision
from fairtrial.experiments.methods.finding import EffectOverTime, WeekEffect, WeekEffects
from fairtrial.experiments.metric_wording import bare_size, goodness, is_share, size_words

UNSEEN = "a fading effect can't be seen"
NOT_KNOWN = f"the effect is not known in {SEEN_WEEKS} whole weeks yet"


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
