"""Plans a question by the rule that decides it: a normal effect, conversions, or each unit's share of bad requests."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf, log, sqrt

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate
from fairtrial.domain.promises import ABOVE_CAP_MARGIN
from fairtrial.stats.always_valid import half_width, one_sided_half_width
from fairtrial.stats.planning import courses
from fairtrial.stats.planning.normal_sizes import (
    fewest,
    first_look,
    one_look,
    planned_bounds,
    planned_size,
    variance_of,
    variances,
)
from fairtrial.stats.planning.proposals import BEYOND, Option, Rule, beyond, longer, made, possible, whole_weeks
from fairtrial.stats.planning.question import Course, Design, Question
from fairtrial.stats.planning.rate_courses import ShareRule, share_course
from fairtrial.stats.sequential.conversions import conversion_lift
from fairtrial.stats.sequential.unit_shares import BINS, ShareTest

__all__: list[str] = []

LOOKS_A_WEEK = 7
TINY = 1e-12


def watched(question: Question, design: Design, power: float) -> Option:
    """Daily looks, from the time when both arms have the units that the normal approximation needs."""
    sides, tau = question.sides, question.tau or question.effect
    variance, unseen = variances(question, design)
    half = half_width if sides == 2 else one_sided_half_width
    last = variance / design.most + unseen / design.most**2
    loss = half(last, tau=tau, alpha=design.alpha) if design.most >= first_look(design) else inf
    units, course = normal_units(question, design, power), watched_course(question, design)
    return made(design, "normal mixture", units, course, excluded=possible(loss, question))


def watched_course(question: Question, design: Design) -> Course:
    """The course of daily looks."""
    first, tau = first_look(design), question.tau or question.effect
    variance, unseen = variances(question, design)
    days = range(1, design.weeks * LOOKS_A_WEEK + 1)
    daily = [design.per_week * (day / LOOKS_A_WEEK - design.lag) for day in days]
    looks = [units for units in daily if units >= first] or [design.most]
    course = courses.monitored(
        question.effect, variance, looks, tau=tau, alpha=design.alpha, sides=question.sides, unseen=unseen
    )
    return Course(course.units, (0.0,), mean_stop=design.most) if design.most < first else course


def normal_units(question: Question, design: Design, power: float) -> float | None:
    """The units for this power if looks are made all the time."""
    variance, unseen = variances(question, design)
    tau = (question.tau or question.effect) / question.effect
    times = courses.monitored_multiple(power, alpha=design.alpha, sides=question.sides, tau=tau)
    if times is None:
        return None
    information = question.effect**2 / times
    # The root of variance/n + unseen/n² = information.
    units = (variance + sqrt(variance**2 + 4 * information * unseen)) / (2 * information)
    return max(units, first_look(design))


def planned_looks(question: Question, design: Design, power: float) -> Option:
    """Looks at whole weeks, as control makes them: until all planned units have come, or else to the last week.

    The look in the last week spends what is left, however few units have come by then.
    """
    looks, bounds = planned_bounds(question, design, power)
    if not looks:
        course = Course((design.most,), (0.0,), mean_stop=design.most)
        return made(design, "O'Brien-Fleming", planned_size(question, design, power), course, excluded=None)
    variance, unseen = variances(question, design)
    course = courses.planned(question.effect, variance, (looks, bounds), sides=question.sides, unseen=unseen)
    units = course.needed(power) or max(planned_size(question, design, power), design.most + 1)
    loss = bounds[-1] * sqrt(variance / looks[-1] + unseen / looks[-1] ** 2)
    return made(design, "O'Brien-Fleming", units, course, excluded=possible(loss, question))


def single_look(question: Question, design: Design, power: float) -> Option:
    """A fixed duration with one look at its end."""
    effect, variance = question.effect, variance_of(question, design)
    units = one_look(question, design, power)
    end = min((whole_weeks(units, design) - design.lag) * design.per_week, design.most)
    z, error = float(scipy.special.ndtri(1 - design.alpha / question.sides)), sqrt(max(variance, TINY) / end)
    enough = end >= fewest(question, design)
    course = Course((end,), (float(scipy.special.ndtr(effect / error - z)) if enough else 0.0,), mean_stop=end)
    return made(design, "one look", units, course, excluded=possible(z * error, question) if enough else None)


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
        more = watched_course(Question(question.metric, "not worse", rate, ABOVE_CAP_MARGIN, lower_is_better=True), far)
    else:
        rule = ShareRule(ShareTest("safe", ABOVE_CAP_MARGIN, share=design.share), design.alpha / question.sides)
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
