"""Sizes of a question with a normal effect, what repeated looks at it use, and the bounds of its planned looks."""

from math import sqrt

import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import NotEnough
from fairtrial.domain.promises import MIN_UNITS, PLANNED_POWER
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.planning.question import Design, Question
from fairtrial.stats.sequential.group_sequential import LOOKS, inflation, spending_bounds
from fairtrial.stats.sizes import size_of_means, size_of_means_not_worse, size_of_shares, units_without_event
from fairtrial.stats.sums import Moments

__all__: list[str] = []

SAMPLE = 10**9
"""The units of an artificial sample, whose rates are exact."""


def planned_size(question: Question, design: Design, power: float) -> float:
    """The units at which ten planned looks with this power have spent all of alpha."""
    alpha, variance = design.alpha * 2 / question.sides, variance_of(question, design)
    single_look = (
        one_look(question, design, power) if question.sd is not None else by_normal(question, variance, design, power)
    )
    return max(single_look * inflation(LOOKS, alpha=alpha, power=power), first_look(design))


def planned_bounds(
    question: Question, design: Design, power: float = PLANNED_POWER
) -> tuple[list[float], tuple[float, ...]]:
    """The units that count at each weekly look, and the bounds of |Z|; without the weeks in which units are too few."""
    planned = question.planned or planned_size(question, design, max(power, PLANNED_POWER))
    weekly = [design.per_week * (week - design.lag) for week in range(1, design.weeks + 1)]
    looks = [counted for counted in weekly if counted >= first_look(design)]
    whole = next((number for number, counted in enumerate(looks, 1) if counted >= planned), len(looks))
    times = tuple(counted / planned for counted in looks[:whole])
    return looks[:whole], spending_bounds(times, alpha=design.alpha * 2 / question.sides, last=True) if times else ()


def first_look(design: Design) -> float:
    """Units before the first look: 30 in each arm."""
    return MIN_UNITS / min(design.share, 1 - design.share)


def one_look(question: Question, design: Design, power: float) -> float:
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
    return max(by_normal(question, variance_of(question, design), design, power), fewest(question, design))


def fewest(question: Question, design: Design) -> float:
    """Units with which "not worse" can be shown for a share, however rare the event is."""
    if question.sd is not None or question.kind == "superior":
        return 0.0
    return units_without_event(question.effect, alpha=design.alpha) / design.share * design.inflation


def by_normal(question: Question, variance: float, design: Design, power: float) -> float:
    """Units for a single look at an estimate, from its variance times the units."""
    z = float(scipy.special.ndtri(1 - design.alpha / question.sides) + scipy.special.ndtri(power))
    return z**2 * variance / question.effect**2


def variance_of(question: Question, design: Design) -> float:
    return question.unit_variance(design.share) * design.inflation


def variances(question: Question, design: Design) -> tuple[float, float]:
    """What repeated looks use, in a sample without noise: the variance times the units, and the allowance for unseen
    units times the squared units.
    """
    n = round(SAMPLE * (1 - design.share)), round(SAMPLE * design.share)
    levels = question.baseline, question.truth
    within = (0.0, 1.0) if question.sd is None else None if question.cap is None else (0.0, question.cap)
    spreads = (None, None) if question.sd is None else (question.sd, question.treatment_sd)
    squares = [level if sd is None else level**2 + sd**2 for level, sd in zip(levels, spreads, strict=True)]
    arms = [Moments(units, units * x, units * xx) for units, x, xx in zip(n, levels, squares, strict=True)]
    difference = mean_difference(*arms, within=within, scale=question.scale)
    if isinstance(difference, NotEnough):
        raise TypeError(difference.reason)  # so many units always suffice
    factor = question.left * design.inflation
    variance = max(variance_of(question, design), max(difference.variance, difference.watched or 0.0) * SAMPLE * factor)
    return variance, difference.unseen[1 if question.lower_is_better else 0] * float(SAMPLE) ** 2
