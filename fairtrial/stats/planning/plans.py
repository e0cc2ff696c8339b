"""Plans a question by the rule that decides it: a normal effect, conversions, or each unit's share of bad requests."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf, log, sqrt

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import half_width, one_sided_half_width
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.effects import MIN_UNITS
from fairtrial.stats.planning import courses
from fairtrial.stats.planning.proposals import BEYOND, Option, Rule, beyond, longer, made, possible, whole_weeks
from fairtrial.stats.planning.question import Course, Design, Question
from fairtrial.stats.planning.rate_courses import ShareRule, share_course
from fairtrial.stats.sequential.conversions import conversion_lift
from fairtrial.stats.sequential.group_sequential import LOOKS, inflation, obrien_fleming
from fairtrial.stats.sequential.unit_shares import BINS, ShareTest
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
    looks = [units for units in daily if units >= first] or [design.most]
    course = courses.monitored(
        question.effect, variance, looks, tau=tau, alpha=design.alpha, sides=question.sides, unseen=unseen
    )
    return Course(course.units, (0.0,), mean_stop=design.most) if design.most < first else course


def normal_units(question: Question, design: Design, power: float) -> float | None:
    """The units for this power if looks are made all the time."""
    variance, unseen = _variances(question, design)
    tau = (question.tau or question.effect) / question.effect
    times = courses.monitored_multiple(power, alpha=design.alpha, sides=question.sides, tau=tau)
    if times is None:
        return None
    information = question.effect**2 / times
    # The root of variance/n + unseen/n² = information.
    units = (variance + sqrt(variance**2 + 4 * information * unseen)) / (2 * information)
    return max(units, first_look(design))


def planned_looks(question: Question, design: Design, power: float) -> Option:
    """A fixed duration with planned looks, from the time when both arms have enough units."""
    effect, variance, first = question.effect, _variance(question, design), first_look(design)
    alpha = design.alpha * 2 / question.sides
    single_look = (
        _one_look(question, design, power) if question.sd is not None else _by_normal(question, variance, design, power)
    )
    units = max(single_look * inflation(LOOKS, alpha=alpha, power=power), first)
    end = min((whole_weeks(units, design) - design.lag) * design.per_week, design.most)
    course = courses.planned(effect, variance, end, alpha=design.alpha, sides=question.sides)
    course = course if end >= first else Course((end,), (0.0,), mean_stop=end)
    loss = obrien_fleming(LOOKS, alpha=alpha) * sqrt(variance / end) if end >= first else inf
    return made(design, "O'Brien-Fleming", units, course, excluded=possible(loss, question))


def single_look(question: Question, design: Design, power: float) -> Option:
    """A fixed duration with one look at its end."""
    effect, variance = question.effect, _variance(question, design)
    units = _one_look(question, design, power)
    end = min((whole_weeks(units, design) - design.lag) * design.per_week, design.most)
    z, error = float(scipy.special.ndtri(1 - design.alpha / question.sides)), sqrt(max(variance, TINY) / end)
    enough = end >= _fewest(question, design)
    course = Course((end,), (float(scipy.special.ndtr(effect / error - z)) if enough else 0.0,), mean_stop=end)
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
    difference = mean_difference(*arms, within=within, scale=question.scale)
    if isinstance(difference, NotEnough):
        raise TypeError(difference.reason)  # so many units always suffice
    factor = question.left * design.inflation
    variance = max(_variance(question, design), max(difference.variance, difference.watched or 0.0) * SAMPLE * factor)
    return variance, difference.unseen[1 if question.lower_is_better else 0] * float(SAMPLE) ** 2


TAIL_MARGIN = 0.01
"""How much larger the share of units above the cap of an amount may be."""


def conversions(question: Question, design: Design) -> Course:
    rule = courses.ConversionRule(question.effect / question.baseline, design.share, design.alpha)
    effective = design.most / design.inflation
    course = courses.conversion_course(rule, control=question.baseline, treatment=question.truth, units=effective)
    return _inflated(course, design.inflation)


def _excluded(question: Question, design: Design) -> float | None:
    """The loss that the interval of the lift excludes if both arms convert at the baseline."""
    rate, units = question.baseline, design.most / design.inflation
    treated = round(rate * units * design.share)
    lift, level = question.effect / rate, 1 - design.alpha
    interval = conversion_lift(round(rate * units) - treated, treated, lift=lift, share=design.share, level=level)
    if not isinstance(interval, Estimate):
        return None
    loss = rate * interval.high if question.lower_is_better else -rate * interval.low
    return loss if 0 < loss <= (1 - rate if question.lower_is_better else 0.999 * rate) else None


def shares(question: Question, design: Design) -> Course:
    """Bad requests are what is missing from a rate of good ones."""
    arms = (question.baseline, question.truth)
    control, treatment = arms if question.lower_is_better else (1 - arms[0], 1 - arms[1])
    relative = question.relative and question.kind == "not worse"
    margin = 0.0 if question.kind == "superior" else question.effect / (question.baseline if relative else 1.0)
    rule = ShareRule(ShareTest("safe", margin, relative, design.share), design.alpha / question.sides)
    course = share_course(rule, control=control, treatment=treatment, units=design.most / design.inflation)
    return _inflated(course, design.inflation)


def _inflated(course: Course, times: float) -> Course:
    """The course of units that come in clusters."""
    return Course(tuple(units * times for units in course.units), course.power, mean_stop=course.mean_stop * times)


def _excluded_share(question: Question, design: Design) -> float | None:
    """The loss that the shares of units exclude if both arms have the baseline."""
    rate = question.baseline if question.lower_is_better else 1 - question.baseline
    units = design.most / design.inflation
    counts = [
        np.array([1 - rate, *(0.0,) * (BINS - 2), rate]) * part * units for part in (1 - design.share, design.share)
    ]
    low, high = 0.0, 1 - rate
    for _ in range(30):
        middle = (low + high) / 2
        log_e = float(ShareTest("safe", middle, share=design.share).log_e(*counts))
        low, high = (low, middle) if log_e >= -log(design.alpha) else (middle, high)
    return high if high < 1 - rate else None


EXACT: Mapping[Rule, tuple[Callable[[Question, Design], Course], Callable[[Question, Design], float | None]]] = {
    "conversion e-process": (conversions, _excluded),
    "shares of units": (shares, _excluded_share),
}
"""The rules without a normal effect: the course of a trial, and the loss that it excludes in the end."""


def by_exact(rule: Rule, question: Question, design: Design, power: float, multiples: tuple[int, ...]) -> Option:
    """Looks at any time by one of the rules in `EXACT`."""
    course_of, excluded = EXACT[rule]
    course = course_of(question, design)
    units = beyond(course.needed(power), multiples, power, lambda times: course_of(question, longer(design, times)))
    return made(design, rule, units, course, excluded=excluded(question, design))


def with_tail(option: Option, question: Question, design: Design, power: float) -> Option:
    """An amount must also show that the share of units above its cap is not larger by over a point.

    Both lines are taken as independent, and the trial stops when both have succeeded.
    """
    if question.tail is None:
        return option
    course, more = _both(question, design, 1)
    units = beyond(_between(course, power), BEYOND, power, lambda times: _both(question, design, times)[0])
    alone = beyond(more.needed(power), BEYOND, power, lambda times: _both(question, design, times)[1])
    tail = option.units is not None and (alone is None or alone > option.units)
    both = None if units is None or option.units is None else units
    return replace(made(design, option.rule, both, course, excluded=option.excluded), tail=tail,
                   exaggeration=option.exaggeration)  # fmt: skip


def _both(question: Question, design: Design, times: int) -> tuple[Course, Course]:
    """The courses of both lines together, and of the share above the cap alone, in a trial so many times as large."""
    rate, far = question.tail or 0.0, longer(design, times)
    truth = rate if question.tail_truth is None else question.tail_truth
    mean = watched_course(question, far)
    if question.guardrail:  # its share above the cap is judged by the normal effect
        more = watched_course(Question(question.metric, "not worse", rate, TAIL_MARGIN, lower_is_better=True), far)
    else:
        rule = ShareRule(ShareTest("safe", TAIL_MARGIN, share=design.share), design.alpha / question.sides)
        more = share_course(rule, control=rate, treatment=truth, units=far.most)
    after = [more.power[look - 1] if (look := bisect_right(more.units, units + 1)) else 0.0 for units in mean.units]
    power = tuple(first * second for first, second in zip(mean.power, after, strict=True))
    starts, open_ = (0.0, *mean.units[:-1]), (1.0, *(1 - success for success in power[:-1]))
    stop = sum((end - start) * still for start, end, still in zip(starts, mean.units, open_, strict=True))
    return Course(mean.units, power, mean_stop=stop), more


def _between(course: Course, power: float) -> float | None:
    """The units for this power, between two looks where it lies between them."""
    number = next((number for number, share in enumerate(course.power) if share >= power), None)
    if number is None or number == 0:
        return None if number is None else course.units[0]
    low, high = course.power[number - 1 : number + 1]
    start, end = course.units[number - 1 : number + 1]
    return start + (end - start) * (power - low) / (high - low)
