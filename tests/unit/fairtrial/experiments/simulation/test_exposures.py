"""Simulated units are exposed as the real assignment says, at every stage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fairtrial.experiments.assignment import assign
from fairtrial.experiments.simulation.people import (
    NEVER,
    People,
    SimulatedAssignment,
    World,
    assign_people,
    draw_people,
    expose,
)
from tests.fixtures.experiments.simulated import NAME, project

EXPERIMENT = project(split={"base": 50, "tuned": 20, "larger": 30}).experiments[NAME]


def people() -> People:
    world = World(per_week=9, arms={}, habit="uniform", most=4, active_days=3)
    return draw_people(np.random.default_rng(3), world, units=900, span_us=(0, 10**12), feedback=[], amounts=False)


@pytest.mark.parametrize("stage", [0.5, 5.0, 33.3, 100.0])
def test_who_is_enrolled_and_where_is_what_the_assignment_says(stage: float) -> None:
    drawn = people()
    assigned = assign_people(EXPERIMENT, drawn.names)
    exposed = expose(drawn, assigned, [(0, stage)], from_us=0)
    for number, name in enumerate(drawn.names):
        real = assign(replace(EXPERIMENT, stage=stage), name)
        assert (exposed.first_us[number] < NEVER) == real.enrolled
        if real.enrolled:
            assert assigned.variants[assigned.arm[number]] == real.assigned


def test_a_later_stage_adds_units_from_its_start_and_keeps_the_others() -> None:
    drawn = people()
    assigned = assign_people(EXPERIMENT, drawn.names)
    first = expose(drawn, assigned, [(0, 20.0)], from_us=0)
    both = expose(drawn, assigned, [(0, 20.0), (5 * 10**11, 60.0)], from_us=0)
    early = first.first_us < NEVER
    assert (both.first_us[early] == first.first_us[early]).all()
    added = (both.first_us < NEVER) & ~early
    assert added.sum() > 50 and both.first_us[added].min() >= 5 * 10**11
    assert (assigned.place[added] >= 0.2).all() and (assigned.place[added] < 0.6).all()


def test_a_unit_is_exposed_by_its_first_request_after_the_start_of_its_stage() -> None:
    person = replace(people(), names=["a"], unit=np.zeros(3, np.int64), at_us=np.array([10, 20, 30]))
    assigned = SimulatedAssignment(("base", "tuned"), np.array([1]), np.array([0.4]))
    for since, first, counted in ((0, 10, 3), (11, 20, 2), (30, 30, 1), (31, NEVER, 0)):
        exposed = expose(person, assigned, [(since, 50.0)], from_us=0)
        assert (exposed.first_us[0], exposed.counted.sum()) == (first, counted)


def test_units_exposed_before_an_amendment_do_not_count_afterwards() -> None:
    person = replace(people(), names=["a"], unit=np.zeros(3, np.int64), at_us=np.array([10, 20, 30]))
    assigned = SimulatedAssignment(("base", "tuned"), np.array([1]), np.array([0.4]))
    for from_us, counted in ((10, 3), (11, 0)):
        assert expose(person, assigned, [(0, 50.0)], from_us=from_us).counted.sum() == counted
