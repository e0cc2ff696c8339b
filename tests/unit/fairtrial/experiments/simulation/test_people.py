"""People arrive evenly, and send one, a few or very many requests."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.domain.limits.constants import DAY_US, WEEK_US
from fairtrial.experiments.simulation.people import Habit, People, World, draw_people

SPAN = (5 * WEEK_US, 9 * WEEK_US)


def people(habit: Habit = "one", most: int = 1, *, amounts: bool = False, seed: int = 1) -> People:
    world = World(per_week=1_000, arms={}, habit=habit, most=most, active_days=2)
    rng = np.random.default_rng(seed)
    return draw_people(rng, world, units=1_000, span_us=SPAN, feedback=["feedback.a"], amounts=amounts)


def test_so_many_people_arrive_evenly() -> None:
    drawn = people()
    count = len(drawn.names)
    assert abs(count - 4_000) < 4 * 4_000**0.5
    weeks = np.bincount((drawn.at_us - SPAN[0]) // WEEK_US)
    assert len(weeks) == 4 and np.abs(weeks - count / 4).max() < 5 * 1_000**0.5
    assert len(drawn.unit) == len(drawn.luck) == len(drawn.says["feedback.a"]) == count


@pytest.mark.parametrize(
    ("habit", "most", "low", "high"), [("one", 9, 1, 1), ("uniform", 7, 1, 7), ("heavy", 200, 1, 200), ("all", 5, 5, 5)]
)
def test_each_sends_as_many_requests_as_its_habit_allows(habit: Habit, most: int, low: int, high: int) -> None:
    drawn = people(habit, most)
    sends = np.bincount(drawn.unit)
    assert (sends.min(), sends.max()) == (low, high)


def test_a_heavy_tail_has_few_requests_mostly() -> None:
    sends = np.bincount(people("heavy", 200).unit)
    assert np.median(sends) == 1 and 0.0005 < (sends > 100).mean() < 0.02


def test_requests_of_a_unit_are_in_order_and_soon_after_its_first() -> None:
    drawn = people("uniform", 9)
    same = np.diff(drawn.unit) == 0
    assert (np.diff(drawn.unit) >= 0).all() and (np.diff(drawn.at_us)[same] >= 0).all()
    starts = np.flatnonzero(np.diff(drawn.unit, prepend=-1))
    assert (np.diff(drawn.at_us[starts]) >= 0).all()
    assert (drawn.at_us - drawn.at_us[starts][drawn.unit]).max() < 2 * DAY_US


def test_costs_and_latencies_are_around_one_and_only_drawn_if_needed() -> None:
    assert len(people().size) == len(people().speed) == 0
    drawn = people(amounts=True)
    assert len(drawn.size) == len(drawn.unit) and drawn.size.mean() == pytest.approx(1.0, abs=0.06)


def test_a_seed_repeats_the_people_and_another_one_has_other_names() -> None:
    drawn, same, reseeded = people(), people(), people(seed=2)
    assert list(drawn.names) == list(same.names) and (drawn.at_us == same.at_us).all()
    assert not set(drawn.names) & set(reseeded.names)
    assert len(set(drawn.names)) == len(drawn.names)


def test_a_world_without_units_or_requests_is_refused() -> None:
    for wrong in ({"per_week": 0}, {"per_week": 9, "most": 0}, {"per_week": 9, "active_days": 0}):
        with pytest.raises(ValueError, match="a simulation needs units"):
            World(arms={}, **wrong)
