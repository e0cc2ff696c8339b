"""Plans a question that is decided exactly: by conversions, or by each unit's share of bad requests."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from math import log

import numpy as np

from fairtrial.domain.estimates import Estimate
from fairtrial.stats.planning.conversion_course import ConversionRule, conversion_course
from fairtrial.stats.planning.courses import Course
from fairtrial.stats.planning.normal_plans import watched_course
from fairtrial.stats.planning.option import BEYOND, Option, beyond, longer, made
from fairtrial.stats.planning.question import Design, Question
from fairtrial.stats.planning.share_course import ShareRule, share_course
from fairtrial.stats.sequential.conversions import conversion_lift
from fairtrial.stats.sequential.unit_shares import BINS, ShareTest

__all__: list[str] = []

TAIL_MARGIN = 0.01
"""How much larger the share of units above the cap of an amount may be."""


def by_conversions(question: Question, design: Design, power: float, multiples: tuple[int, ...]) -> Option:
    course = conversions(question, design)
    units = beyond(course.needed(power), multiples, power, lambda times: conversions(question, longer(design, times)))
    scaled = Course(course.units, course.power, course.mean_stop * design.inflation)
    return made(design, "conversion e-process", units, scaled, excluded=_excluded(question, design))


def conversions(question: Question, design: Design) -> Course:
    rule = ConversionRule(question.effect / question.baseline, design.share, design.alpha)
    effective = design.most / design.inflation
    course = conversion_course(rule, control=question.baseline, treatment=question.truth, units=effective)
    return replace(course, units=tuple(units * design.inflation for units in course.units))


def _excluded(question: Question, design: Design) -> float | None:
    """The loss that the interval of the lift excludes if both arms convert at the baseline."""
    rate, units = question.baseline, design.most / design.inflation
    treated = round(rate * units * design.share)
    lift, level = question.effect / rate, 1 - design.alpha
    found = conversion_lift(round(rate * units) - treated, treated, lift=lift, share=design.share, level=level)
    if not isinstance(found, Estimate):
        return None
    loss = rate * found.high if question.lower_is_better else -rate * found.low
    return loss if 0 < loss <= (1 - rate if question.lower_is_better else 0.999 * rate) else None


def by_shares(question: Question, design: Design, power: float, multiples: tuple[int, ...]) -> Option:
    course = shares(question, design)
    units = beyond(course.needed(power), multiples, power, lambda times: shares(question, longer(design, times)))
    return made(design, "shares of units", units, course, excluded=_excluded_share(question, design))


def shares(question: Question, design: Design) -> Course:
    """Bad requests are what is missing from a rate of good ones."""
    arms = (question.baseline, question.truth)
    control, treatment = arms if question.lower_is_better else (1 - arms[0], 1 - arms[1])
    relative = question.relative and question.kind == "not worse"
    margin = 0.0 if question.kind == "superior" else question.effect / (question.baseline if relative else 1.0)
    rule = ShareRule(ShareTest("safe", margin, relative, design.share), design.alpha / question.sides)
    effective = design.most / design.inflation
    course = share_course(rule, control=control, treatment=treatment, units=effective)
    times = design.inflation
    return Course(tuple(units * times for units in course.units), course.power, course.mean_stop * times)


def _excluded_share(question: Question, design: Design) -> float | None:
    """The loss that the shares of units exclude if both arms have the baseline."""
    rate, units = _bad(question), design.most / design.inflation
    counts = [
        np.array([1 - rate, *(0.0,) * (BINS - 2), rate]) * part * units for part in (1 - design.share, design.share)
    ]
    low, high = 0.0, 1 - rate
    for _ in range(30):
        middle = (low + high) / 2
        found = float(ShareTest("safe", middle, share=design.share).log_e(*counts))
        low, high = (low, middle) if found >= -log(design.alpha) else (middle, high)
    return high if high < 1 - rate else None


def _bad(question: Question) -> float:
    return question.baseline if question.lower_is_better else 1 - question.baseline


def with_tail(found: Option, question: Question, design: Design, power: float) -> Option:
    """An amount must also show that the share of units above its cap is not larger by over a point.

    Both lines are taken as independent, and the trial stops when both have succeeded.
    """
    if question.tail is None:
        return found
    course, more = _both(question, design, 1)
    units = beyond(_between(course, power), BEYOND, power, lambda times: _both(question, design, times)[0])
    alone = beyond(more.needed(power), BEYOND, power, lambda times: _both(question, design, times)[1])
    tail = found.units is not None and (alone is None or alone > found.units)
    both = None if units is None or found.units is None else units
    return replace(made(design, found.rule, both, course, excluded=found.excluded), tail=tail,
                   exaggeration=found.exaggeration)  # fmt: skip


def _both(question: Question, design: Design, times: int) -> tuple[Course, Course]:
    """The courses of both lines together, and of the share above the cap alone, in a trial so many times as large."""
    rate, far = question.tail or 0.0, longer(design, times)
    truth = rate if question.tail_truth is None else question.tail_truth
    mean = watched_course(question, far)
    if question.guardrail:  # its share above the cap is judged by the normal effect
        above = Question(question.metric, "not worse", rate, TAIL_MARGIN, lower_is_better=True)
        more = watched_course(above, far)
    else:
        rule = ShareRule(ShareTest("safe", TAIL_MARGIN, share=design.share), design.alpha / question.sides)
        more = share_course(rule, control=rate, treatment=truth, units=far.most)
    after = [more.power[look - 1] if (look := bisect_right(more.units, units + 1)) else 0.0 for units in mean.units]
    power = tuple(one * other for one, other in zip(mean.power, after, strict=True))
    starts, open_ = (0.0, *mean.units[:-1]), (1.0, *(1 - one for one in power[:-1]))
    stop = sum((end - start) * still for start, end, still in zip(starts, mean.units, open_, strict=True))
    return Course(mean.units, power, stop), more


def _between(course: Course, power: float) -> float | None:
    """The units for this power, between two looks where it lies between them."""
    number = next((number for number, one in enumerate(course.power) if one >= power), None)
    if number is None or number == 0:
        return None if number is None else course.units[0]
    low, high = course.power[number - 1 : number + 1]
    start, end = course.units[number - 1 : number + 1]
    return start + (end - start) * (power - low) / (high - low)
