"""Computes what a look shows about each metric, whether its effect fades over the weeks, and rehearses a look."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import ceil, inf

from fairtrial.domain.decision.values import EffectOverTime, WeekEffect, WeekEffects
from fairtrial.domain.estimates import Estimate, Forecast, NotEnough
from fairtrial.domain.metrics import Method
from fairtrial.experiments.analysis.planned_looks import not_yet, planned_look
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.amounts import AmountsOfUnits, Quantiles
from fairtrial.experiments.methods.feedback import FeedbackOfUnits
from fairtrial.experiments.methods.finding import UNKNOWN_LEVEL, Finding, Times, goodness
from fairtrial.experiments.methods.method import (
    MetricMethod,
    needs_spread,
    power_of_each,
    question_of,
)
from fairtrial.experiments.methods.rates import Rates
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.sums import ArmSums, Level, Levels, MetricSums, Sums
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.means import difference
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums
from fairtrial.stats.effects import Effect, fixed, line_ahead
from fairtrial.stats.planning.trial import units_needed
from fairtrial.stats.sequential.request_errors import ErrorShares, RequestErrors
from fairtrial.stats.sequential.unit_shares import UnitShares
from fairtrial.stats.sums import Moments

METHODS: Mapping[Method, MetricMethod] = {
    "events": Rates(),
    "shares": Rates(),
    "amount": AmountsOfUnits(),
    "quantile": Quantiles(),
    "feedback": FeedbackOfUnits(),
    "given": FeedbackOfUnits(),
}
RATE_UNITS, RATE_US = 100, 3_600_000_000
"""Fewer units, or a shorter time, do not show how fast units arrive."""

UNITS, LEVEL, CAP = 40, 0.1, 50.0


def find(
    plan: AnalysisPlan, sums: Sums, looked: Mapping[str, Times] | None = None, *, since_us: int = 0
) -> tuple[Finding, ...]:
    """What one look shows, for each metric in the order of the plan and each treatment.

    ``looked``: the planned looks at the primary metric so far, by treatment. ``since_us``: when the look before was.
    """
    return tuple(
        _finding(plan, metric, variant, sums, ((looked or {}).get(variant, Times()), since_us))
        for metric in plan.metrics
        for variant in plan.treatments
    )


def _finding(plan: AnalysisPlan, metric: MetricPlan, variant: str, sums: Sums, before: tuple[Times, int]) -> Finding:
    """``before``: the planned looks so far, and when the last look of any kind was."""
    control, arm, (looked, since_us) = sums.arms[plan.control], sums.arms[variant], before
    pair = control.metrics.get(metric.metric), arm.metrics.get(metric.metric)
    unknown = control.unknown.get(metric.metric) or arm.unknown.get(metric.metric)
    if metric.needs_level and metric.level is None:
        unknown = unknown or UNKNOWN_LEVEL
    nothing = NotEnough(unknown or "no unit shows it yet", "units of both arms that show it", arm.units)
    empty = Finding(metric.metric, variant, metric.role, "cannot tell", nothing, why=nothing.reason)
    if unknown or pair[0] is None or pair[1] is None:
        return empty
    both, method = (pair[0], pair[1]), METHODS[metric.method]
    if not all(isinstance(part, method.sums) for part in both):
        raise TypeError(f"{metric.metric}: the arms have sums of another method than {metric.method}")
    if metric.role == "guardrail":
        finding = method.guardrail(plan, metric, variant, both)
    else:
        share = sum(_units(sums) for sums in both) / plan.planned_units if plan.planned_units else 0.0
        times = (
            planned_look(plan, looked, share, at_us=sums.at_us, since_us=since_us) if plan.planned_units else Times()
        )
        if times is None:
            waiting = NotEnough(not_yet(plan, looked, sums.at_us), "the next planned look", arm.units)
            finding = replace(empty, estimate=waiting, why=waiting.reason)
        else:
            finding = replace(method.primary(plan, metric, variant, both, times), last=times.last)
            if plan.sources and finding.answer == "cannot tell":  # a decline is looked for at the whole level
                whole = method.primary(replace(plan, sources={}), metric, variant, both, times)
                finding = replace(finding, answer="worse") if whole.answer == "worse" else finding
    if isinstance(finding.estimate, NotEnough) and not finding.why:
        finding = replace(finding, why=finding.estimate.reason)
    return replace(finding, control=level_of(pair[0], metric), treatment=level_of(pair[1], metric))


def _units(sums: MetricSums) -> int:
    """Units with a value. Planned looks are for shares only."""
    if isinstance(sums, Feedback):
        return sums.given.n
    if isinstance(sums, RequestErrors):
        return sums.requests.n if sums.shares is None else sums.shares.day.n
    return 0


def level_of(sums: MetricSums, metric: MetricPlan) -> float | None:
    """The level of an arm on the metric's scale; ``None`` without data."""
    return METHODS[metric.method].level(metric, sums)


def level_interval(plan: AnalysisPlan, metric: MetricPlan, sums: MetricSums) -> Estimate | NotEnough:
    """The level of one arm with an interval that is valid at all looks, for limits on the level itself."""
    return METHODS[metric.method].level_interval(plan, metric, sums)


def forecast(plan: AnalysisPlan, variant: str, sums: Sums) -> Forecast | NotEnough:
    """The size that the comparison of ``variant`` with the control needs; `NotEnough` says why it is unknown.

    A superior treatment is assumed to be better by the planned effect, and one that is not worse to be equal. The
    variance of one unit is that of the units so far, and stays the same.
    """
    metric = plan.primary
    if metric is None:
        return NotEnough("the experiment has no primary metric", "a primary metric")
    arms = sums.arms[plan.control], sums.arms[variant]
    control, treatment = (arm.metrics.get(metric.metric) for arm in arms)
    if control is None or treatment is None or not metric.margin_on_scale or metric.tau is None:
        return NotEnough("no unit of both arms shows the primary metric yet", "units that show it")
    method = METHODS[metric.method]
    units, values = (sum(both) for both in zip(method.units(control), method.units(treatment), strict=True))
    response = values / units if values else 1.0
    size = planned_size(plan, metric, variant, response=response) or plan.planned_units
    needed = method.needed(plan, metric, (control, treatment)) if size is None else ceil(size)
    if isinstance(needed, NotEnough):
        return needed
    needed = ceil(needed * units / values) if values else needed
    enrolled = sum(arm.units for arm in arms)
    waiting = max(0, enrolled - units) if isinstance(control, Feedback) else 0
    missing = max(0, needed - units - waiting)
    elapsed = sums.at_us - plan.from_us
    expected = None
    if units < needed and enrolled >= RATE_UNITS and elapsed >= RATE_US:
        expected = sums.at_us + round(missing * elapsed / enrolled + 1e6 * (metric.window_seconds or 0.0))
    return Forecast(units, needed, waiting, expected, power_of_each(plan))


def planned_size(plan: AnalysisPlan, metric: MetricPlan, variant: str, *, response: float = 1.0) -> float | None:
    """The units of both arms that the plan needs for a metric whose level says how much units vary.

    ``response``: the share of units that give feedback, on which the worst case depends. ``None`` if the level is not
    known or does not say so, and if no number of units suffices.
    """
    if metric.level is None or needs_spread(metric) or plan.planned_units is not None:
        return None
    level = 1 - metric.level if metric.counts_requests and metric.better == "higher" else metric.level
    alpha = plan.alpha_primary if metric.role == "primary" else plan.alpha_attempt
    try:
        question = question_of(replace(metric, response=response), plan.unit, level=level)
    except ValueError:
        return None
    return units_needed(question, share=plan.share_of(variant), alpha=alpha, power=power_of_each(plan))


def effect_over_time(plan: AnalysisPlan, metric: MetricPlan, sums: Sums, variant: str) -> EffectOverTime:
    """The effect of one treatment on the primary metric by week."""
    arms = (sums.arms[name] for name in (plan.control, variant))
    control, treatment = (arm.over_time if metric.metric in arm.metrics else None for arm in arms)
    weeks: WeekEffects = ()
    ages: WeekEffects = ()
    if control is not None and treatment is not None:
        weeks, ages = _effects(control.weeks, treatment.weeks), _effects(control.ages, treatment.ages)
    ahead = line_ahead([None if level is None else (level.value, level.weight) for level in weeks])
    last = [week.value for week in weeks if week is not None][-1:]
    fades = ahead is not None and any(goodness(effect, metric) < 0 for effect in (*last, ahead))
    unseen = ahead is None and not plan.may_miss_fading
    return EffectOverTime(weeks, ages, ahead, fades, metric.require == "superior" and (fades or unseen))


def _effects(control: Levels, treatment: Levels) -> WeekEffects:
    return tuple(_effect(*pair) for pair in zip(control, treatment, strict=True))


def _effect(control: Level | None, treatment: Level | None) -> WeekEffect | None:
    if control is None or treatment is None:
        return None
    arms = (Effect(level.value, level.variance, level.n, "mean", max(1, level.n - 1)) for level in (control, treatment))
    effect = difference(*arms, method="difference in one week")
    if isinstance(effect, NotEnough):
        return None
    ends, weight = fixed(effect), 4 * control.n * treatment.n / (control.n + treatment.n)
    low, high = (None, None) if isinstance(ends, NotEnough) else (ends.low, ends.high)
    return WeekEffect(effect.value, low, high, effect.n, weight)


def uncomputable(plan: AnalysisPlan) -> Iterator[tuple[str, str]]:
    """Each metric that a look can't compute, with the reason, before its level is known or afterwards."""
    for metric in plan.metrics:
        for level in (metric.level, metric.level or LEVEL):
            with_level = replace(metric, level=level)
            arm = ArmSums(UNITS, UNITS, {metric.metric: _sums(with_level)})
            try:
                find(replace(plan, metrics=(with_level,), planned_units=None), Sums(1, dict.fromkeys(plan.shares, arm)))
            except (ValueError, TypeError, ZeroDivisionError) as error:
                yield metric.metric, str(error)
                break


def _sums(metric: MetricPlan) -> MetricSums:
    """Sums of units of which every fourth shows the event, or an average value."""
    few = [float(number % 4 == 0) for number in range(UNITS)]
    low, high = metric.within
    middle = (low + high) / 2 if high < inf else LEVEL
    if metric.counts_requests:
        errors = RequestErrors.of(few, [1.0] * UNITS, cap=metric.cap or CAP)
        each = UnitShares.of(few, [1.0] * UNITS, luck=[0.0] * UNITS)
        return replace(errors, shares=ErrorShares(each, each, errors.requests))
    if metric.method == "amount":
        cap = metric.cap or 10 * LEVEL
        return Amounts(Moments.of([min(middle, cap)] * UNITS), 0, cap)
    if metric.method == "quantile":
        return QuantileSums.of([100.0 + number for number in range(UNITS)], None, 0.95)
    return Feedback(UNITS, Moments.of([low if flag else middle for flag in few]), metric.window_seconds or 0.0)
