"""Exposes simulated people to an experiment: by the real assignment, from the time at which their stage began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fairtrial.domain.plan import Experiment
from fairtrial.experiments.assignment import assign
from fairtrial.experiments.simulation.people import Floats, Ints, People

Bools = NDArray[np.bool_]
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Assigned:
    """The arm of each unit, as its index in ``variants``, and its place among the stages, in [0, 1)."""

    variants: tuple[str, ...]
    arm: Ints
    place: Floats


@dataclass(frozen=True, slots=True)
class Exposed:
    """When each unit was first exposed (`NEVER` if it was not), and which requests are in the experiment."""

    first_us: Ints
    counted: Bools


def assign_people(experiment: Experiment, names: Sequence[str]) -> Assigned:
    """The real assignment of each unit under the salt of this segment."""
    everyone = replace(experiment, stage=100.0, state="running")
    variants = tuple(one.name for one in experiment.variants)
    index = {name: number for number, name in enumerate(variants)}
    found = [assign(everyone, name) for name in names]
    arm = np.array([index[one.assigned] for one in found], np.int64)
    return Assigned(variants, arm, np.array([one.enrol_bucket for one in found], np.float64))


def join(one: Assigned, other: Assigned) -> Assigned:
    """The assignment of both groups, one after the other."""
    arm, place = np.concatenate((one.arm, other.arm)), np.concatenate((one.place, other.place))
    return Assigned(one.variants, arm, place)


def expose(people: People, assigned: Assigned, stages: Sequence[tuple[int, float]], *, from_us: int) -> Exposed:
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
