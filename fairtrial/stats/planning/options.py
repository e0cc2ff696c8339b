"""One question under one way of looking: which rule decides it, and how many units that takes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

from scipy.special import ndtr, ndtri

from fairtrial.domain.estimates import Estimate
from fairtrial.stats.always_valid import half_width, one_sided_half_width
from fairtrial.stats.effects import MIN_UNITS
from fairtrial.stats.planning.conversion_course import ConversionRule, conversion_course
from fairtrial.stats.planning.courses import Course, monitored, monitored_multiple, planned
from fairtrial.stats.planning.question import FEW, RARE, Design, Mode, Question
from fairtrial.stats.planning.sizes import size_of_means, size_of_means_not_worse, size_of_shares
from fairtrial.stats.sequential.conversions import conversion_lift
from fairtrial.stats.sequential.obrien_fleming import LOOKS, inflation, obrien_fleming

__all__ = ["Option", "rule_of"]

Rule = Literal["conversion e-process", "normal mixture", "O'Brien-Fleming", "one look"]
LOOKS_A_WEEK = 7
BEYOND = (4, 16)
"""Multiples of the longest duration in which the units that rare events need are searched for."""


@dataclass(frozen=True, slots=True)
class Option:
    """What one question takes when it is looked at in one way.

    ``units``: in both arms, for the power that it needs, ``None`` where they are too many to say; ``weeks``: whole
    ones, for these units; ``power``: at the end of the trial; ``mean_stop``: units at the end on average if the truth
    is as planned; ``exaggeration``: what trials that stop for the effect show of it, in multiples (type-M error),
    ``None`` where unknown. ``excluded``: a loss that an inconclusive end without a visible difference would exclude,
    on the metric's scale, ``None`` where it would exclude nothing.

    >>> option(Question("errors", "not worse", 0.03, 0.01, lower_is_better=True), Design(per_week=4000), 0.9).rule
    'normal mixture'
    """

    mode: Mode
    rule: Rule
    units: float | None
    weeks: int | None
    power: float
    mean_stop: float
    exaggeration: float | None
    excluded: float | None

    def fits(self, design: Design) -> bool:
        """Whether it can be decided in the time that the trial may last."""
        return self.weeks is not None and self.weeks <= design.weeks


def rule_of(question: Question, design: Design) -> Rule:
    """The rule that decides a question, chosen from the plan alone: what the data say never changes it.

    A share is decided by conversions, exactly, where its rarer outcome is below 2 % or is expected fewer than 200 times
    in the longest duration, or where it is a matter of safety; else the mode says.

    Source: Lindon & Malek (2022), arXiv:2011.03567; Waudby-Smith et al. (2024), arXiv:2103.06476; O'Brien & Fleming
    (1979), Biometrics 35:549-556.

    >>> rule_of(Question("requests.error_rate", "not worse", 0.01, 0.01, lower_is_better=True), Design(per_week=4000))
    'conversion e-process'
    """
    if question.sd is None and design.mode != "fixed":
        rarer = min(question.baseline, 1 - question.baseline)
        if question.safety or rarer < RARE or rarer * design.most < FEW:
            return "conversion e-process"
    rules: dict[Mode, Rule] = {"monitor": "normal mixture", "planned": "O'Brien-Fleming", "fixed": "one look"}
    return rules[design.mode]


def option(question: Question, design: Design, power: float, *, beyond: bool = True) -> Option:
    """What the question takes to be answered with this power under the design's mode.

    ``beyond``: whether units are also searched for past the longest duration, which tells but doesn't change whether
    it fits.
    """
    rule = rule_of(question, design)
    if rule == "conversion e-process":
        return _by_conversions(question, design, power, BEYOND if beyond else ())
    if rule == "normal mixture":
        return _watched(question, design, power)
    return _ended(question, design, power)


def _watched(question: Question, design: Design, power: float) -> Option:
    """Looks every day, none before both arms have the fewest units for the normal approximation."""
    effect, variance, sides = question.effect, _variance(question, design), question.sides
    first = MIN_UNITS / min(design.share, 1 - design.share)
    days = range(1, design.weeks * LOOKS_A_WEEK + 1)
    daily = [design.per_week * day / LOOKS_A_WEEK for day in days]
    looks = [one for one in daily if one >= first] or [design.most]
    course = monitored(effect, variance, looks, tau=effect, alpha=design.alpha, sides=sides)
    units = course.needed(power) if design.most >= first else None
    if units is None:
        times = monitored_multiple(power, alpha=design.alpha, sides=sides, tau=1.0)
        units = None if times is None else max(times * variance / effect**2, first, design.most + 1)
    if design.most < first:
        course = Course(course.units, (0.0,), design.most)
    half = half_width if sides == 2 else one_sided_half_width
    end = half(variance / design.most, tau=effect, alpha=design.alpha)
    return _option(design, "normal mixture", units, course, excluded=end)


def _ended(question: Question, design: Design, power: float) -> Option:
    """A duration that is agreed on before, with planned looks on the way or without."""
    effect, variance = question.effect, _variance(question, design)
    units = _one_look(question, design, power)
    level = 1 - design.alpha / question.sides
    if design.mode == "planned":
        units *= inflation(LOOKS, alpha=2 * (1 - level), power=power)
        end = min(_whole_weeks(units, design) * design.per_week, design.most)
        course = planned(effect, variance, end, alpha=design.alpha, sides=question.sides)
        z = obrien_fleming(LOOKS, alpha=2 * (1 - level))
    else:
        end = min(_whole_weeks(units, design) * design.per_week, design.most)
        z = float(ndtri(level))
        course = Course((end,), (float(ndtr(effect / sqrt(variance / end) - z)),), end)
    rule: Rule = "O'Brien-Fleming" if design.mode == "planned" else "one look"
    return _option(design, rule, units, course, excluded=z * sqrt(variance / end))


def _by_conversions(question: Question, design: Design, power: float, multiples: tuple[int, ...]) -> Option:
    """Units that convert, or where most do, those that don't."""
    control, treatment, direction = question.baseline, question.truth, question.direction
    if control > 0.5:
        control, treatment, direction = 1 - control, 1 - treatment, -direction
    limit = (control + direction * question.effect) / control - 1
    lift = limit if limit > 0 else 1 / (1 + limit) - 1
    rule = ConversionRule(lift, design.share, design.alpha)
    if question.kind == "not worse":
        side: Literal["more", "fewer"] = "fewer" if direction > 0 else "more"
        rule = ConversionRule(lift, design.share, design.alpha, side, limit)
    effective = design.most / design.inflation
    course = conversion_course(rule, control=control, treatment=treatment, units=effective)
    units = course.needed(power)
    for times in multiples if units is None else ():
        far = conversion_course(rule, control=control, treatment=treatment, units=times * effective)
        units = far.needed(power)
        if units is not None:
            break
    scaled = Course(course.units, course.power, course.mean_stop * design.inflation)
    excluded = _excluded(rule, control, effective, worse_is_more=_worse_is_more(question))
    return _option(design, "conversion e-process", _times(units, design.inflation), scaled, excluded=excluded)


def _worse_is_more(question: Question) -> bool:
    """Whether a loss is more of the rarer outcome."""
    return question.lower_is_better == (question.baseline <= 0.5)


def _excluded(rule: ConversionRule, rate: float, units: float, *, worse_is_more: bool) -> float | None:
    """The loss beyond the interval of the lift if both arms convert at this rate."""
    expected = rate * units
    treated = round(expected * rule.share)
    level = 1 - rule.alpha * (1 if rule.side == "either" else 2)
    found = conversion_lift(round(expected) - treated, treated, lift=rule.lift, share=rule.share, level=level)
    if not isinstance(found, Estimate):
        return None
    loss = rate * found.high if worse_is_more else -rate * found.low
    return loss if 0 < loss <= (1 - rate if worse_is_more else 0.999 * rate) else None


def _one_look(question: Question, design: Design, power: float) -> float:
    """Units for a single look, from the exact formula of its kind."""
    alpha, share = design.alpha, design.share
    if question.kind == "superior" and question.sd is None:
        size = size_of_shares(question.baseline, question.truth, alpha=alpha, power=power, share=share)
        return size * question.left * design.inflation
    if question.kind == "superior" and question.sd is not None:
        size = size_of_means(question.effect, question.sd, alpha=alpha, power=power, share=share)
        return size * question.left * design.inflation
    if question.sd is not None and not question.relative:
        size = size_of_means_not_worse(question.effect, question.sd, alpha=alpha, power=power, share=share)
        return size * question.left * design.inflation
    z = float(ndtri(1 - alpha) + ndtri(power))
    return z**2 * _variance(question, design) / question.effect**2


def _option(design: Design, rule: Rule, units: float | None, course: Course, *, excluded: float | None) -> Option:
    weeks = None if units is None else _whole_weeks(units, design)
    power = min(1.0, max(0.0, course.power[-1]))
    return Option(design.mode, rule, units, weeks, power, course.mean_stop, course.exaggeration, excluded)


def _variance(question: Question, design: Design) -> float:
    return question.unit_variance(design.share) * design.inflation


def _whole_weeks(units: float, design: Design) -> int:
    return max(1, ceil(units / design.per_week - 1e-9))


def _times(units: float | None, factor: float) -> float | None:
    return None if units is None else units * factor
