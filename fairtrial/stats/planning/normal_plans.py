"""Plans a question whose effect is normally distributed: watched at any time, at planned looks, or once."""

from __future__ import annotations

from math import inf, sqrt

import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.always_valid import half_width, one_sided_half_width
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.effects import MIN_UNITS
from fairtrial.stats.planning.courses import Course, monitored, monitored_multiple, planned
from fairtrial.stats.planning.option import Option, made, possible, whole_weeks
from fairtrial.stats.planning.question import Design, Question
from fairtrial.stats.sequential.obrien_fleming import LOOKS, inflation, obrien_fleming
from fairtrial.stats.sizes import size_of_means, size_of_means_not_worse, size_of_shares, units_without_event
from fairtrial.stats.sums import Moments

__all__: list[str] = []

LOOKS_A_WEEK = 7
TINY = 1e-12
SAMPLE = 10**9
"""The units of an artificial sample, whose rates are exact."""


def watched(question: Question, design: Design, power: float) -> Option:
    """Daily looks, from the time when both arms have the units that the normal approximation needs."""
    sides, tau = question.sides, question.tau or question.effect
    variance, unseen = _variances(question, design)
    half = half_width if sides == 2 else one_sided_half_width
    last = variance / design.most + unseen / design.most**2
    loss = half(last, tau=tau, alpha=design.alpha) if design.most >= first_look(design) else inf
    units, course = normal_units(question, design, power), watched_course(question, design)
    return made(design, "normal mixture", units, course, excluded=possible(loss, question))


def watched_course(question: Question, design: Design) -> Course:
    """The course of daily looks."""
    first, tau = first_look(design), question.tau or question.effect
    variance, unseen = _variances(question, design)
    days = range(1, design.weeks * LOOKS_A_WEEK + 1)
    daily = [design.per_week * (day / LOOKS_A_WEEK - design.lag) for day in days]
    looks = [one for one in daily if one >= first] or [design.most]
    course = monitored(
        question.effect, variance, looks, tau=tau, alpha=design.alpha, sides=question.sides, unseen=unseen
    )
    return Course(course.units, (0.0,), design.most) if design.most < first else course


def normal_units(question: Question, design: Design, power: float) -> float | None:
    """The units for this power if looks are made all the time."""
    variance, unseen = _variances(question, design)
    tau = (question.tau or question.effect) / question.effect
    times = monitored_multiple(power, alpha=design.alpha, sides=question.sides, tau=tau)
    if times is None:
        return None
    wanted = question.effect**2 / times
    units = (variance + sqrt(variance**2 + 4 * wanted * unseen)) / (2 * wanted)  # variance/n + unseen/n² = wanted
    return max(units, first_look(design))


def planned_looks(question: Question, design: Design, power: float) -> Option:
    """A fixed duration with planned looks, from the time when both arms have enough units."""
    effect, variance, first = question.effect, _variance(question, design), first_look(design)
    alpha = design.alpha * 2 / question.sides
    one = (
        _one_look(question, design, power) if question.sd is not None else _by_normal(question, variance, design, power)
    )
    units = max(one * inflation(LOOKS, alpha=alpha, power=power), first)
    end = min((whole_weeks(units, design) - design.lag) * design.per_week, design.most)
    course = planned(effect, variance, end, alpha=design.alpha, sides=question.sides)
    course = course if end >= first else Course((end,), (0.0,), end)
    loss = obrien_fleming(LOOKS, alpha=alpha) * sqrt(variance / end) if end >= first else inf
    return made(design, "O'Brien-Fleming", units, course, excluded=possible(loss, question))


def single_look(question: Question, design: Design, power: float) -> Option:
    """A fixed duration with one look at its end."""
    effect, variance = question.effect, _variance(question, design)
    units = _one_look(question, design, power)
    end = min((whole_weeks(units, design) - design.lag) * design.per_week, design.most)
    z, error = float(scipy.special.ndtri(1 - design.alpha / question.sides)), sqrt(max(variance, TINY) / end)
    enough = end >= _fewest(question, design)
    course = Course((end,), (float(scipy.special.ndtr(effect / error - z)) if enough else 0.0,), end)
    return made(design, "one look", units, course, excluded=possible(z * error, question) if enough else None)


def first_look(design: Design) -> float:
    """Units before the first look: 30 in each arm."""
    return MIN_UNITS / min(design.share, 1 - design.share)


def _one_look(question: Question, design: Design, power: float) -> float:
    """Units for a single look, from the exact formula for the kind of metric."""
    alpha, share = design.alpha, design.share
    sd = sqrt(question.unit_variance(share) / question.left * share * (1 - share))  # both arms together
    if question.kind == "superior" and question.sd is None:
        size = size_of_shares(question.baseline, question.truth, alpha=alpha, power=power, share=share)
        return size * question.left * design.inflation
    if question.kind == "superior" and question.sd is not None:
        size = size_of_means(question.effect, sd, alpha=alpha, power=power, share=share)
        return size * question.left * design.inflation
    if question.sd is not None and question.scale == 1:
        size = size_of_means_not_worse(question.effect, sd, alpha=alpha, power=power, share=share)
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


def _variance(question: Question, design: Design) -> float:
    return question.unit_variance(design.share) * design.inflation


def _variances(question: Question, design: Design) -> tuple[float, float]:
    """What repeated looks use, in a sample without noise: the variance times the units, and the allowance for unseen
    units times the squared units.
    """
    n = round(SAMPLE * (1 - design.share)), round(SAMPLE * design.share)
    levels = question.baseline, question.truth
    within = (0.0, 1.0) if question.sd is None else None if question.cap is None else (0.0, question.cap)
    spreads = (None, None) if question.sd is None else (question.sd, question.treatment_sd)
    squares = [level if sd is None else level**2 + sd**2 for level, sd in zip(levels, spreads, strict=True)]
    arms = [Moments(units, units * x, units * xx) for units, x, xx in zip(n, levels, squares, strict=True)]
    found = mean_difference(*arms, within=within, scale=question.scale)
    if isinstance(found, NotEnough):
        raise TypeError(found.reason)  # so many units always suffice
    factor = question.left * design.inflation
    variance = max(_variance(question, design), max(found.variance, found.watched or 0.0) * SAMPLE * factor)
    return variance, found.unseen[1 if question.lower_is_better else 0] * float(SAMPLE) ** 2
