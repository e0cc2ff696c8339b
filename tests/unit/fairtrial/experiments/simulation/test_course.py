"""Totals at a time, and totals within a unit, are those of plain sums."""

from __future__ import annotations

import numpy as np

from fairtrial.experiments.simulation.course import ByUnit, Course


def test_the_totals_at_a_time_include_that_time() -> None:
    course = Course.of(np.array([30, 10, 20, 20]), np.array([1.0, 2.0, 4.0, 8.0]), np.array([True, False, True, True]))
    assert [course.at(now) for now in (9, 10, 20, 29, 30)] == [[0, 0], [2, 0], [14, 2], [14, 2], [15, 3]]


def test_a_course_without_changes_is_zero() -> None:
    assert Course.of(np.zeros(0, np.int64), np.zeros(0), np.zeros(0)).at(5) == [0.0, 0.0]


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
