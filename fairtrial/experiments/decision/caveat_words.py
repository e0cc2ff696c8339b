"""Words caveats of a decision: missing feedback, and effects that fade."""

from collections.abc import Callable, Iterator, Mapping

from fairtrial.domain.decision import values
from fairtrial.domain.promises import SEEN_WEEKS
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods import finding
from fairtrial.experiments.metric_plan import MetricPlan

AT_RANDOM = "count as missing at random (missing: at_random)"
DIFFER = "but the arms may differ in how many there are, so the worst case must agree too"
WORST_CASE = "the worst case must agree too (missing: worst_case)"
UNSEEN = "a fading effect can't be seen"


def missing_words(plan: AnalysisPlan, variant: str, metric_decision: values.MetricDecision) -> str:
    """What missing values of a metric count as, with the worst case; empty where the plan does not state it."""
    missing = metric_decision.missing_feedback
    if not isinstance(missing, values.MissingFeedback):
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
        finding.between_words(missing.worst_case.estimate(), metric),
        finding.size_words(metric.margin_on_scale or 0.0, metric),
    )
    text = f"with each missing answer counted for the other side, {variant} is {between}"
    few = missing.must_agree and missing.least is not None and _least_given(missing) <= missing.least
    needs = f"; to show {aim}, over {_percent(missing.least or 0.0)} must give feedback" if few else ""
    return f"{given}{rule}{':' if missing.must_agree else ';'} {text}{needs}"


def missing_sentence(plan: AnalysisPlan, decisions: Mapping[str, values.Decision]) -> str:
    """What missing values of the primary metric count as, for all treatments; empty if the plan does not state it."""
    return " ".join(f"{words[0].upper()}{words[1:]}." for words in _of_primaries(missing_words, plan, decisions))


def _least_given(missing: values.MissingFeedback) -> float:
    return min((share for share in (missing.control, missing.treatment) if share is not None), default=1.0)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def fading_words(plan: AnalysisPlan, primary: values.PrimaryDecision) -> str:
    """Why the weeks keep *better* from passing; empty if they do not."""
    over_time = primary.over_time
    if not isinstance(over_time, values.EffectOverTime) or not (over_time.fades or over_time.holds):
        return ""
    if not over_time.fades:
        return f"the effect is not known in {SEEN_WEEKS} whole weeks yet"
    metric, known = plan.metric(primary.metric), [week for week in over_time.weeks if week is not None]
    weeks = ", ".join(
        f"{_way(week.value, metric)} in week {number}"
        for number, week in enumerate(over_time.weeks, 1)
        if week is not None
    )
    coming = over_time.week_after_next
    if coming is None or finding.goodness(known[-1].value, metric) < 0:
        return f"the effect fades: {weeks}"
    return f"the effect fades: {weeks}; a straight line leads to {_way(coming, metric)} in the week after next"


def weeks_words(plan: AnalysisPlan, variant: str, primary: values.PrimaryDecision) -> str:
    """The effect by week and by age of the unit; empty before the first whole week."""
    over_time, metric = primary.over_time, plan.metric(primary.metric)
    if not isinstance(over_time, values.EffectOverTime) or not over_time.weeks:
        return ""
    weeks = "; ".join(_numbered(over_time.weeks, plan, metric))
    ages = "; ".join(_numbered(over_time.ages, plan, metric))
    by_age = f" By week since a {plan.unit}'s first request: {ages}." if ages else ""
    return f"{variant}, by week of the experiment: {weeks}.{by_age}"


def over_time_sentence(plan: AnalysisPlan, decisions: Mapping[str, values.Decision]) -> str:
    """The effect by week for all treatments, and what its intervals mean; empty before the first whole week."""
    words = " ".join(_of_primaries(weeks_words, plan, decisions))
    return f"{words} Each interval has 95 % for one look." if words else ""


def _of_primaries(
    words: Callable[[AnalysisPlan, str, values.PrimaryDecision], str],
    plan: AnalysisPlan,
    decisions: Mapping[str, values.Decision],
) -> Iterator[str]:
    """What is said about the primary metric of each treatment, without empty texts."""
    texts = (
        words(plan, name, decision.primary) for name, decision in decisions.items() if decision.primary is not None
    )
    return filter(None, texts)


def unseen_words(plan: AnalysisPlan) -> str:
    """What a plan that may pass early can't see; empty for others."""
    return UNSEEN if plan.may_miss_fading else ""


def _numbered(weeks: values.WeekEffects, plan: AnalysisPlan, metric: MetricPlan) -> Iterator[str]:
    for number, week in enumerate(weeks, 1):
        yield f"{number}: {'no data' if week is None else _with_interval(week, plan, metric)}"


def _with_interval(week: values.WeekEffect, plan: AnalysisPlan, metric: MetricPlan) -> str:
    units = f"{week.units:,} {plan.unit}s"
    if week.low is None or week.high is None:
        return f"{_way(week.value, metric)} ({units})"
    low, high = sorted(finding.goodness(end, metric) for end in (week.low, week.high))
    unit = " points" if finding.is_share(metric) else ""
    low_text, high_text = finding.bare_size(low, metric), finding.bare_size(high, metric)
    return f"{_way(week.value, metric)} ({low_text} to {high_text}{unit}, {units})"


def _way(value: float, metric: MetricPlan) -> str:
    return finding.way_words(finding.goodness(value, metric), metric) if value else "no difference"
