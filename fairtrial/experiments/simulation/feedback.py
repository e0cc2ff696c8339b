"""Computes the feedback of simulated units: what they would say, whether they say it, and when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.domain.limits.constants import DAY_US, WEEK_US
from fairtrial.experiments.analysis_plan import MetricPlan
from fairtrial.experiments.simulation.course import Course
from fairtrial.experiments.simulation.exposures import NEVER, Bools
from fairtrial.experiments.simulation.people import Floats, Ints, People
from fairtrial.experiments.simulation.world import Arm, World


@dataclass(frozen=True, slots=True)
class Said:
    """Units of one arm: whether each ``given`` its feedback in time, its ``value``, and ``at_us``, when it did."""

    units: Ints
    given: Bools
    value: Floats
    at_us: Ints


def said(people: People, world: World, variant: str, metric: MetricPlan, exposed: tuple[Ints, Bools]) -> Said:
    """What the units of one arm say: the lowest or the highest possible value, whose mean is the arm's level.

    ``exposed``: when each unit was first exposed, and which are of this arm.
    """
    first_us, mine = exposed
    units = np.flatnonzero(mine & (first_us < NEVER) & (first_us >= metric.from_us))
    name, arm = _key(metric), world.arms[variant]
    low, high = metric.within if metric.method == "feedback" else (0.0, 1.0)
    start_us = int(people.at_us.min()) if len(people.at_us) else 0
    weeks = (first_us[units] - start_us) / WEEK_US
    share = np.clip((arm.levels.get(name, (low + high) / 2) + world.trend * weeks - low) / (high - low), 0.0, 1.0)
    says_high = people.says[name][units] < share
    window_us = round((metric.window_seconds or 0.0) * 1e6)
    delay_us = people.delay[name][units] * arm.late_days * DAY_US
    in_time = delay_us <= window_us
    given = (people.gives[name][units] < _answers(arm, share, says_high)) & in_time
    value = np.where(says_high, high, low)
    if metric.method == "feedback":
        return Said(units, given, value, first_us[units] + delay_us.astype(np.int64))
    return Said(units, np.ones(len(units), np.bool_), given.astype(np.float64), first_us[units] + window_us - 1)


def feedback_course(first_us: Ints, found: Said, metric: MetricPlan) -> Course:
    """Units with complete windows, and the number, sum and squares of the values given in them."""
    given, value, units = found.given, found.value, found.units
    at_us = first_us[units] + round((metric.window_seconds or 0.0) * 1e6)
    return Course.of(at_us, np.ones(len(units)), given, value * given, value * value * given)


def _answers(arm: Arm, share: Floats, says_high: Bools) -> Floats:
    """The chance of each unit to give feedback, depending on what it would say."""
    if not arm.silent_first:
        return np.full(len(share), arm.response - arm.silent)
    low = np.maximum(1 - share, 1e-12)
    lost = np.minimum(arm.silent / low, arm.response)
    rest = (arm.silent - lost * low) / np.maximum(share, 1e-12)
    return np.where(says_high, arm.response - rest, arm.response - lost)


def _key(metric: MetricPlan) -> str:
    return metric.metric.removesuffix(".given") if metric.method == "given" else metric.metric
