"""What one question needs when it is monitored in one way, from the course of a trial."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, inf
from typing import Literal

from fairtrial.stats.planning.question import Course, Design, Ending, Mode, Question

__all__ = ["Option"]

Rule = Literal["conversion e-process", "shares of units", "normal mixture", "O'Brien-Fleming", "one look"]
BEYOND = (4, 16)
"""Multiples of the longest duration up to which the units of an exact rule are searched."""


@dataclass(frozen=True, slots=True)
class Option(Ending):
    """What one question needs when it is monitored in one way.

    ``units`` counts the units in both arms for the required power, or is ``None`` if they are too many to state.
    ``weeks`` is the number of whole weeks for these units, and ``power`` is the power at the end of the trial.
    ``excluded`` is the loss that an inconclusive end without a visible difference would exclude, on the metric's scale.
    It is ``None`` if nothing would be excluded. ``tail``: whether the share of units above the cap needs more units
    than the mean. ``weekly``: the power at the end of each week.

    >>> from fairtrial.stats.planning.trial import option
    >>> found = option(Question("score", "not worse", 0.3, 0.05), Design(per_week=4000), 0.9)
    >>> found.rule, found.weeks
    ('normal mixture', 2)
    """

    mode: Mode
    rule: Rule
    units: float | None
    weeks: int | None
    power: float
    excluded: float | None
    tail: bool = False
    weekly: tuple[float, ...] = ()

    def fits(self, design: Design) -> bool:
        """Whether it can be decided within the trial's longest duration."""
        return self.weeks is not None and self.weeks <= design.weeks


def made(design: Design, rule: Rule, units: float | None, course: Course, *, excluded: float | None) -> Option:
    weeks = None if units is None else whole_weeks(units, design)
    power = min(1.0, max(0.0, course.power[-1]))
    weekly, stop, times = weekly_power(course, design), course.mean_stop, course.exaggeration
    return Option(design.mode, rule, units, weeks, power, excluded, weekly=weekly, mean_stop=stop, exaggeration=times)


def weekly_power(course: Course, design: Design) -> tuple[float, ...]:
    """The power of a course at the end of each week: that of its last look until then."""
    ends = [design.per_week * (week - design.lag) + 1e-6 for week in range(1, design.weeks + 1)]
    looks = [bisect_right(course.units, end) for end in ends]
    return tuple(min(1.0, max(0.0, course.power[look - 1])) if look else 0.0 for look in looks)


def possible(loss: float, question: Question) -> float | None:
    """The loss, or ``None`` if it is larger than possible, because excluding it would say nothing."""
    most = inf if question.sd is not None else 1 - question.baseline if question.lower_is_better else question.baseline
    return loss if loss < most else None


def beyond(
    units: float | None, multiples: tuple[int, ...], power: float, course: Callable[[int], Course]
) -> float | None:
    """The units for this power, searched past the longest duration."""
    for times in multiples if units is None else ():
        units = course(times).needed(power)
        if units is not None:
            break
    return units


def longer(design: Design, times: int) -> Design:
    return replace(design, per_week=times * design.per_week)


def whole_weeks(units: float, design: Design) -> int:
    return max(1, ceil(units / design.per_week + design.lag - 1e-9))
