"""Compares the arms in each whole week, and tells whether the effect on the primary metric fades."""

from __future__ import annotations

import msgspec

from fairtrial.domain.estimates import NotEnough
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.metric_wording import goodness
from fairtrial.experiments.sums import Level, Levels, Sums
from fairtrial.stats.arms.contrasts import difference
from fairtrial.stats.arms.novelty import line_ahead
from fairtrial.stats.effects import Effect, fixed


class WeekEffect(msgspec.Struct, frozen=True):
    """Treatment − control in one week, with the 95 % interval for one look, and the units behind it.

    ``weight``: the precision, as the units of two equal arms would have it. The ends are ``None`` without spread.
    """

    value: float
    low: float | None
    high: float | None
    units: int
    weight: float


WeekEffects = tuple[WeekEffect | None, ...]


class EffectOverTime(msgspec.Struct, frozen=True):
    """The effect on the primary metric by week, ``None`` for a week without data of both arms.

    ``weeks`` begin with the plan, and ``ages`` with each unit's first exposure. ``next_week``: where a straight line
    through the weeks leads, ``None`` until two weeks have an effect. ``fades``: whether the last or the next week is
    worse. ``holds``: whether that, or too few weeks, keeps *better* from passing as the plan asks for it.
    """

    weeks: WeekEffects
    ages: WeekEffects
    next_week: float | None
    fades: bool
    holds: bool


def effect_over_time(plan: AnalysisPlan, metric: MetricPlan, sums: Sums, variant: str) -> EffectOverTime:
    """The effect of one treatment on the primary metric by week."""
    arms = (sums.arms[name] for name in (plan.control, variant))
    control, treatment = (arm.over_time if metric.metric in arm.metrics else None for arm in arms)
    weeks: WeekEffects = ()
    ages: WeekEffects = ()
    if control is not None and treatment is not None:
        weeks, ages = _effects(control.weeks, treatment.weeks), _effects(control.ages, treatment.ages)
    next_week = line_ahead([None if one is None else (one.value, one.weight) for one in weeks])
    last = [one.value for one in weeks if one is not None][-1:]
    fades = next_week is not None and any(goodness(one, metric) < 0 for one in (*last, next_week))
    unseen = next_week is None and not plan.may_miss_fading
    return EffectOverTime(weeks, ages, next_week, fades, metric.require == "superior" and (fades or unseen))


def _effects(control: Levels, treatment: Levels) -> WeekEffects:
    return tuple(_effect(*pair) for pair in zip(control, treatment, strict=True))


def _effect(control: Level | None, treatment: Level | None) -> WeekEffect | None:
    if control is None or treatment is None:
        return None
    arms = (Effect(one.value, one.variance, one.n, "mean", max(1, one.n - 1)) for one in (control, treatment))
    found = difference(*arms, method="difference in one week")
    if isinstance(found, NotEnough):
        return None
    ends, weight = fixed(found), 4 * control.n * treatment.n / (control.n + treatment.n)
    low, high = (None, None) if isinstance(ends, NotEnough) else (ends.low, ends.high)
    return WeekEffect(found.value, low, high, found.n, weight)
