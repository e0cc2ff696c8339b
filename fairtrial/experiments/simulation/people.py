"""Defines the simulated world, draws the people of one trial, and exposes them by the real assignment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fairtrial.domain.limits.constants import DAY_US, WEEK_US
from fairtrial.domain.plan import Experiment
from fairtrial.experiments.assignment import assign
from fairtrial.stats.arguments import Floats

Habit = Literal["one", "uniform", "heavy", "all"]
"""How many requests a unit sends: one; any number up to the most, equally likely; few, but sometimes very many; or
always the most.
"""

Ints = NDArray[np.int64]
TAIL = 1.2
"""The exponent of a heavy tail: one unit in 250 sends more than a hundred requests."""
SPREAD = 0.8
"""The standard deviation of the logarithm of costs and latencies."""

Bools = NDArray[np.bool_]
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedArm:
    """The truth about one arm.

    ``levels``: the mean of each feedback metric at the start. ``response``: the share of units that give feedback.
    ``silent``: how many fewer do; ``silent_first`` says whether those who would give the lowest value leave first.
    ``late_days``: the mean time until feedback comes, exponentially distributed. ``errors``: the share of requests that
    fail; it is ``errors_before`` until this arm has ``healthy`` units. ``cost``: US dollars of a request, on average.
    ``runaway``: the share of units whose requests cost ``runaway_times`` as much. ``latency_ms``: the mean latency.
    """

    levels: Mapping[str, float] = field(default_factory=dict)
    response: float = 1.0
    silent: float = 0.0
    silent_first: bool = False
    late_days: float = 0.0
    errors: float = 0.0
    errors_before: float = 0.0
    healthy: int = 0
    cost: float = 0.01
    runaway: float = 0.0
    runaway_times: float = 25.0
    latency_ms: float = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The units and the arms.

    ``per_week``: new units a week that are in the experiment at its last stage. ``arms``: by variant. ``habit`` and
    ``most``: the requests of one unit, which fall into the ``active_days`` after its first. ``trend``: by how much the
    level of every feedback metric changes in a week, in all arms.
    """

    per_week: float
    arms: Mapping[str, SimulatedArm]
    habit: Habit = "one"
    most: int = 1
    active_days: float = 14.0
    trend: float = 0.0

    def __post_init__(self) -> None:
        if not (self.per_week > 0 and self.most >= 1 and self.active_days > 0):
            raise ValueError("a simulation needs units, and each needs a request")


@dataclass(frozen=True, slots=True)
class SimulatedEvent:
    """What a person does after so many days: stop it, start it again with new units, or change the smallest effect."""

    day: float
    do: Literal["kill", "rearm", "amend"]
    mde: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """All units that can be enrolled, with their requests in the order of units and times.

    ``names`` and ``arrival_us``: of the units, in the order of their first requests. ``unit`` and ``at_us``: of each
    request. ``luck``: each request's in [0, 1), lowest first to fail. ``size`` and ``speed``: each request's cost and
    latency, relative to the arm's; empty if not needed. ``odd``: each unit's luck with runaway costs. ``gives``,
    ``says`` and ``delay``: each unit's luck with feedback, by metric.
    """

    names: Sequence[str]
    arrival_us: Ints
    unit: Ints
    at_us: Ints
    luck: Floats
    size: Floats
    speed: Floats
    odd: Floats
    gives: Mapping[str, Floats]
    says: Mapping[str, Floats]
    delay: Mapping[str, Floats]


def draw_people(
    rng: Generator, world: World, *, units: float, span_us: tuple[int, int], feedback: Sequence[str], amounts: bool
) -> People:
    """The people who arrive from the start to the end of ``span_us``: on average ``units`` a week.

    ``feedback``: the metrics that need values. ``amounts``: whether costs or latencies are needed.
    """
    start_us, end_us = span_us
    trial = int(rng.integers(2**63))  # other names, so that each trial has another assignment
    count = int(rng.poisson(units * (end_us - start_us) / WEEK_US))
    arrival = np.sort(rng.integers(start_us, end_us, count))
    sends = _requests(rng, world, count)
    unit = np.repeat(np.arange(count), sends)
    at_us = np.repeat(arrival, sends)
    first = np.concatenate(([0], np.cumsum(sends)[:-1])) if count else np.zeros(0, np.int64)
    later = np.ones(len(unit), np.bool_)
    later[first] = False
    at_us[later] += rng.integers(1, round(world.active_days * DAY_US), int(later.sum()))
    if later.any():
        at_us = at_us[np.lexsort((at_us, unit))]
    return People(
        names=[f"{trial:x}-{number}" for number in range(count)],
        arrival_us=arrival,
        unit=unit,
        at_us=at_us,
        luck=rng.random(len(unit)),
        size=_around_one(rng, len(unit) if amounts else 0),
        speed=_around_one(rng, len(unit) if amounts else 0),
        odd=rng.random(count),
        gives={name: rng.random(count) for name in feedback},
        says={name: rng.random(count) for name in feedback},
        delay={name: rng.exponential(1.0, count) for name in feedback},
    )


def _requests(rng: Generator, world: World, count: int) -> Ints:
    if world.habit == "one" or world.most == 1:
        return np.ones(count, np.int64)
    if world.habit == "all":
        return np.full(count, world.most, np.int64)
    if world.habit == "uniform":
        return rng.integers(1, world.most + 1, count)
    return np.minimum(np.floor((1 - rng.random(count)) ** (-1 / TAIL)), world.most).astype(np.int64)


def _around_one(rng: Generator, count: int) -> Floats:
    """Lognormal numbers with the mean 1."""
    return rng.lognormal(-(SPREAD**2) / 2, SPREAD, count)


@dataclass(frozen=True, slots=True)
class SimulatedAssignment:
    """The arm of each unit, as its index in ``variants``, and its place among the stages, in [0, 1)."""

    variants: tuple[str, ...]
    arm: Ints
    place: Floats


@dataclass(frozen=True, slots=True)
class Exposed:
    """When each unit was first exposed (`NEVER` if it was not), and which requests are in the experiment."""

    first_us: Ints
    counted: Bools


def assign_people(experiment: Experiment, names: Sequence[str]) -> SimulatedAssignment:
    """The real assignment of each unit under the salt of this segment."""
    everyone = replace(experiment, stage=100.0, state="running")
    variants = tuple(variant.name for variant in experiment.variants)
    index = {name: number for number, name in enumerate(variants)}
    assignments = [assign(everyone, name) for name in names]
    arm = np.array([index[assignment.assigned] for assignment in assignments], np.int64)
    return SimulatedAssignment(
        variants, arm, np.array([assignment.enrol_bucket for assignment in assignments], np.float64)
    )


def join(first: SimulatedAssignment, second: SimulatedAssignment) -> SimulatedAssignment:
    """The assignment of both groups, one after the other."""
    arm, place = np.concatenate((first.arm, second.arm)), np.concatenate((first.place, second.place))
    return SimulatedAssignment(first.variants, arm, place)


def expose(
    people: People, assigned: SimulatedAssignment, stages: Sequence[tuple[int, float]], *, from_us: int
) -> Exposed:
    """The exposures under these stages, each with the time at which it began.

    A unit's first request after the start of its stage exposes it. Units that were exposed before ``from_us`` do not
    count. Units that are not assigned yet are not exposed.
    """
    since = np.full(len(people.names), NEVER)
    for at_us, percent in reversed(stages):
        since[: len(assigned.place)][assigned.place < percent / 100] = at_us
    inside = people.at_us >= since[people.unit]
    first_us = np.full(len(people.names), NEVER)
    units = people.unit[inside]
    starts = np.flatnonzero(np.diff(units, prepend=-1))
    first_us[units[starts]] = people.at_us[inside][starts]
    first_us[first_us < from_us] = NEVER
    return Exposed(first_us, inside & (first_us[people.unit] < NEVER))
