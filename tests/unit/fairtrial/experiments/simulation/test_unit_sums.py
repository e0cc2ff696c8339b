"""Totals at a time, and totals within a unit, are those of plain sums."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.domain.limits.constants import WEEK_US
from fairtrial.experiments.simulation.people import SimulatedArm, World, draw_people
from fairtrial.experiments.simulation.unit_sums import ByUnit, MetricCourse, feedback_course, given_feedback
from tests.fixtures.experiments.frozen_plans import resolved
from tests.fixtures.experiments.simulated import RESOLVED


def test_the_totals_at_a_time_include_that_time() -> None:
    course = MetricCourse.of(
        np.array([30, 10, 20, 20]), np.array([1.0, 2.0, 4.0, 8.0]), np.array([True, False, True, True])
    )
    assert [course.at(now) for now in (9, 10, 20, 29, 30)] == [[0, 0], [2, 0], [14, 2], [14, 2], [15, 3]]


def test_a_course_without_changes_is_zero() -> None:
    assert MetricCourse.of(np.zeros(0, np.int64), np.zeros(0), np.zeros(0)).at(5) == [0.0, 0.0]


def test_each_unit_is_counted_on_its_own() -> None:
    places = ByUnit.of(np.array([3, 3, 3, 5, 8, 8]))
    values = np.array([1.0, 0.0, 2.0, 7.0, 1.0, 1.0])
    assert places.starts.tolist() == [True, False, False, True, True, False]
    assert places.number.tolist() == [1, 2, 3, 1, 1, 2]
    assert places.totals(values).tolist() == [1, 1, 3, 7, 1, 2]
    assert places.changes(places.totals(values)).tolist() == values.tolist()


def test_no_units_are_no_places() -> None:
    places = ByUnit.of(np.zeros(0, np.int64))
    assert len(places.totals(np.zeros(0))) == len(places.changes(np.zeros(0))) == 0


UNITS = 40_000


def shares(
    truth: SimulatedArm, *, within: tuple[float, float] = (0.0, 1.0), trend: float = 0.0
) -> tuple[float, float, float]:
    """The share that gives feedback, its mean, and the mean of units exposed in the last of four weeks."""
    world = World(per_week=1, arms={"tuned": truth}, trend=trend)
    rng = np.random.default_rng(1)
    people = draw_people(rng, world, units=UNITS / 4, span_us=(0, 4 * WEEK_US), feedback=[RESOLVED], amounts=False)
    mine = np.ones(len(people.names), np.bool_)
    metric = resolved(within=within)
    course = feedback_course(people.at_us, given_feedback(people, world, "tuned", metric, (people.at_us, mine)), metric)
    units, n, x, _ = course.at(9 * WEEK_US)
    _, before, sum_before, _ = course.at(4 * WEEK_US)
    return n / units, x / n, (x - sum_before) / (n - before)


def test_everyone_answers_with_the_level_of_the_arm() -> None:
    given, mean, _ = shares(SimulatedArm(levels={RESOLVED: 0.6}))
    assert given == 1.0
    assert mean == pytest.approx(0.6, abs=0.01)


def test_numbers_have_their_mean_within_their_range() -> None:
    assert shares(SimulatedArm(levels={RESOLVED: 4.0}), within=(1.0, 5.0))[1] == pytest.approx(4.0, abs=0.04)


@pytest.mark.parametrize(("first", "mean"), [(False, 0.6), (True, 0.72)])
def test_silence_by_chance_changes_nothing_and_that_of_some_does(first: bool, mean: float) -> None:
    truth = SimulatedArm(levels={RESOLVED: 0.6}, response=0.6, silent=0.1, silent_first=first)
    given, measured, _ = shares(truth)
    assert given == pytest.approx(0.5, abs=0.01)
    assert measured == pytest.approx(mean, abs=0.01)


def test_when_nobody_is_left_to_say_no_others_fall_silent() -> None:
    given, mean, _ = shares(SimulatedArm(levels={RESOLVED: 0.9}, response=0.5, silent=0.2, silent_first=True))
    assert given == pytest.approx(0.3, abs=0.01)
    assert mean == 1.0


def test_feedback_after_its_window_is_missing() -> None:
    given, _, _ = shares(SimulatedArm(levels={RESOLVED: 0.6}, late_days=7.0))
    assert given == pytest.approx(1 - np.exp(-1), abs=0.01)


def test_a_trend_moves_all_who_come_later() -> None:
    _, mean, last = shares(SimulatedArm(levels={RESOLVED: 0.5}), trend=0.05)
    assert mean == pytest.approx(0.6, abs=0.01)
    assert last == pytest.approx(0.675, abs=0.015)
