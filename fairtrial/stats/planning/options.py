"""Plans one question in one mode: the rule that decides it, and the number of units that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Literal

import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import half_width, one_sided_half_width
from fairtrial.stats.arms.proportions import MIN_EVENTS, rate_difference
from fairtrial.stats.effects import MIN_UNITS
from fairtrial.stats.planning.conversion_course import ConversionRule, conversion_course
from fairtrial.stats.planning.courses import Course, monitored, monitored_multiple, planned
from fairtrial.stats.planning.question import FEW, RARE, UNCOMMON, Design, Mode, Question
from fairtrial.stats.sequential.conversions import conversion_lift
from fairtrial.stats.sequential.obrien_fleming import LOOKS, inflation, obrien_fleming
from fairtrial.stats.sizes import size_of_means, size_of_means_not_worse, size_of_shares, units_without_event
from fairtrial.stats.sums import Successes

__all__ = ["Option", "rule_of"]

Rule = Literal["conversion e-process", "normal mixture", "O'Brien-Fleming", "one look"]
LOOKS_A_WEEK = 7
BEYOND = (4, 16)
"""Multiples of the longest duration up to which the units for rare events are searched."""
SAMPLE = 10**9
"""The units of an artificial sample, whose rates are exact."""


@dataclass(frozen=True, slots=True)
class Option:
    """What one question needs when it is monitored in one way.

    ``units`` counts the units in both arms for the required power, or is ``None`` if they are too many to state.
    ``weeks`` is the number of whole weeks for these units, and ``power`` is the power at the end of the trial.
    ``mean_stop`` is the mean number of units at the end if the truth is as planned. ``exaggeration`` is the effect in
    trials that stop for it, as a multiple of the true one (type-M error), or ``None`` if unknown. ``excluded`` is the
    loss that an inconclusive end without a visible difference would exclude, on the metric's scale. It is ``None`` if
    nothing would be excluded.

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
        """Whether it can be decided within the trial's longest duration."""
        return self.weeks is not None and self.weeks <= design.weeks


def rule_of(question: Question, design: Design) -> Rule:
    """The rule that decides a question. It depends only on the plan, never on the data.

    A share is decided exactly, by conversions, if it is a matter of safety, or if its rarer outcome is below 2 % today.
    So is a share whose rarer outcome is below 10 % in an arm and is expected fewer than 200 times in the longest
    duration. Otherwise the mode decides. If both outcomes are common, counting only one discards what the other shows:
    half of it, at 50 %.

    Source: Lindon & Malek (2022), arXiv:2011.03567; Waudby-Smith et al. (2024), arXiv:2103.06476; O'Brien & Fleming
    (1979), Biometrics 35:549-556.

    >>> rule_of(Question("requests.error_rate", "not worse", 0.01, 0.01, lower_is_better=True), Design(per_week=4000))
    'conversion e-process'
    """
    if question.sd is None and design.mode != "fixed":
        baseline, treatment = (_rarer(rate) for rate in (question.baseline, question.truth))
        rarer = min(baseline, treatment)
        if question.safety or baseline < RARE or (rarer < UNCOMMON and rarer * design.most < FEW):
            return "conversion e-process"
    rules: dict[Mode, Rule] = {"monitor": "normal mixture", "planned": "O'Brien-Fleming", "fixed": "one look"}
    return rules[design.mode]


def option(question: Question, design: Design, power: float, *, beyond: bool = True) -> Option:
    """What the question needs for this power in the design's mode.

    ``beyond`` says whether units are also searched past the longest duration, which informs but does not change whether
    it fits.
    """
    rule = rule_of(question, design)
    if rule == "conversion e-process":
        return _by_conversions(question, design, power, BEYOND if beyond else ())
    if rule == "normal mixture":
        return _watched(question, design, power)
    return _planned(question, design, power) if rule == "O'Brien-Fleming" else _single(question, design, power)


def _watched(question: Question, design: Design, power: float) -> Option:
    """Daily looks, from the time when both arms have the units that the normal approximation needs."""
    effect, variance, sides = question.effect, _watched_variance(question, design), question.sides
    first = _first_look(question, design)
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
    loss = half(variance / design.most, tau=effect, alpha=design.alpha) if design.most >= first else inf
    return _option(design, "normal mixture", units, course, excluded=_possible(loss, question))


def _planned(question: Question, design: Design, power: float) -> Option:
    """A fixed duration with planned looks, from the time when both arms have enough units."""
    effect, variance, first = question.effect, _watched_variance(question, design), _first_look(question, design)
    alpha = design.alpha * 2 / question.sides
    one = (
        _one_look(question, design, power) if question.sd is not None else _by_normal(question, variance, design, power)
    )
    units = max(one * inflation(LOOKS, alpha=alpha, power=power), first)
    end = min(_whole_weeks(units, design) * design.per_week, design.most)
    course = planned(effect, variance, end, alpha=design.alpha, sides=question.sides)
    course = course if end >= first else Course((end,), (0.0,), end)
    loss = obrien_fleming(LOOKS, alpha=alpha) * sqrt(variance / end) if end >= first else inf
    return _option(design, "O'Brien-Fleming", units, course, excluded=_possible(loss, question))


def _single(question: Question, design: Design, power: float) -> Option:
    """A fixed duration with one look at its end."""
    effect, variance = question.effect, _variance(question, design)
    units = _one_look(question, design, power)
    end = min(_whole_weeks(units, design) * design.per_week, design.most)
    z, error = float(scipy.special.ndtri(1 - design.alpha / question.sides)), sqrt(variance / end)
    enough = end >= _fewest(question, design)
    course = Course((end,), (float(scipy.special.ndtr(effect / error - z)) if enough else 0.0,), end)
    return _option(design, "one look", units, course, excluded=_possible(z * error, question) if enough else None)


def _first_look(question: Question, design: Design) -> float:
    """Units before the first look: 30 in each arm, and for a share a likely ten with and ten without the event."""
    arms = (1 - design.share, question.baseline), (design.share, question.truth)
    units = MIN_UNITS / min(part for part, _ in arms)
    if question.sd is not None:
        return units
    events = float(scipy.special.gammaincinv(MIN_EVENTS, 0.9))  # 14.2; then 9 of 10 trials have what a look needs
    return max(units, *(events / (part * min(rate, 1 - rate)) for part, rate in arms))


def _by_conversions(question: Question, design: Design, power: float, multiples: tuple[int, ...]) -> Option:
    """Counts the units that convert, or those that do not if most convert."""
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
    """Whether a loss means more of the rarer outcome."""
    return question.lower_is_better == (question.baseline <= 0.5)


def _excluded(rule: ConversionRule, rate: float, units: float, *, worse_is_more: bool) -> float | None:
    """The loss that the interval of the lift excludes if both arms convert at this rate."""
    expected = rate * units
    treated = round(expected * rule.share)
    level = 1 - rule.alpha * (1 if rule.side == "either" else 2)
    found = conversion_lift(round(expected) - treated, treated, lift=rule.lift, share=rule.share, level=level)
    if not isinstance(found, Estimate):
        return None
    loss = rate * found.high if worse_is_more else -rate * found.low
    return loss if 0 < loss <= (1 - rate if worse_is_more else 0.999 * rate) else None


def _one_look(question: Question, design: Design, power: float) -> float:
    """Units for a single look, from the exact formula for the kind of metric."""
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
    return max(_by_normal(question, _variance(question, design), design, power), _fewest(question, design))


def _fewest(question: Question, design: Design) -> float:
    """Units with which "not worse" can be shown for a share, however rare the event is."""
    if question.sd is not None or question.kind == "superior":
        return 0.0
    return units_without_event(question.effect, alpha=design.alpha) / design.share * design.inflation


def _by_normal(question: Question, variance: float, design: Design, power: float) -> float:
    """Units for a single look at an estimate, from its variance times the units."""
    z = float(scipy.special.ndtri(1 - design.alpha / question.sides) + scipy.special.ndtri(power))
    return z**2 * variance / question.effect**2


def _option(design: Design, rule: Rule, units: float | None, course: Course, *, excluded: float | None) -> Option:
    weeks = None if units is None else _whole_weeks(units, design)
    power = min(1.0, max(0.0, course.power[-1]))
    return Option(design.mode, rule, units, weeks, power, course.mean_stop, course.exaggeration, excluded)


def _variance(question: Question, design: Design) -> float:
    return question.unit_variance(design.share) * design.inflation


def _watched_variance(question: Question, design: Design) -> float:
    """The larger of `_variance` and the variance that repeated looks at two rates use, in a sample without noise."""
    known = _variance(question, design)
    if question.sd is not None:
        return known
    n = round(SAMPLE * (1 - design.share)), round(SAMPLE * design.share)
    control, treatment = (
        Successes(units, round(units * rate))
        for units, rate in zip(n, (question.baseline, question.truth), strict=True)
    )
    scale = question.scale
    found = rate_difference(control, treatment, scale=scale)
    larger = None if isinstance(found, NotEnough) else found.watched
    return max(known, (larger or 0.0) * SAMPLE * question.left * design.inflation)


def _possible(loss: float, question: Question) -> float | None:
    """The loss, or ``None`` if it is larger than possible, because excluding it would say nothing."""
    most = inf if question.sd is not None else 1 - question.baseline if question.lower_is_better else question.baseline
    return loss if loss < most else None


def _rarer(rate: float) -> float:
    return round(min(rate, 1 - rate), 12)


def _whole_weeks(units: float, design: Design) -> int:
    return max(1, ceil(units / design.per_week - 1e-9))


def _times(units: float | None, factor: float) -> float | None:
    return None if units is None else units * factor
