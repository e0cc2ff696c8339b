"""Draws the people of one simulated trial: when they send requests, and the chance behind everything they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fairtrial.domain.limits.constants import DAY_US, WEEK_US
from fairtrial.experiments.simulation.world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TAIL = 1.2
"""The exponent of a heavy tail: one unit in 250 sends more than a hundred requests."""
SPREAD = 0.8
"""The standard deviation of the logarithm of costs and latencies."""


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
        order = np.lexsort((at_us, unit))
        at_us = at_us[order]
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
    sends = np.floor((1 - rng.random(count)) ** (-1 / TAIL))
    return np.minimum(sends, world.most).astype(np.int64)


def _around_one(rng: Generator, count: int) -> Floats:
    """Lognormal numbers with the mean 1."""
    return rng.lognormal(-(SPREAD**2) / 2, SPREAD, count)
