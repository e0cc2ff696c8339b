"""A few trials of each promise that the benchmark measures with thousands."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchmarks.experiment_trials import harm, power, safety, same
from benchmarks.experiment_trials.promise import Promise, Row, outcomes
from tests.fixtures.for_each import for_each

pytestmark = pytest.mark.release("simulations")

SEED = 7


def rows(promise: Promise, trials: int) -> Sequence[Row]:
    return promise.read(outcomes(promise, trials, SEED))


@pytest.mark.release("simulations")
@for_each("promise", harm.PROMISES, label=lambda promise: promise.name)
def test_harm_is_stopped_as_soon_as_planned(promise: Promise) -> None:
    measured = rows(promise, 12)
    assert [row.what for row in measured if not row.ok] == []
    assert next(row for row in measured if row.what == "paused or killed").measured == 1.0


@pytest.mark.release("simulations")
@for_each("promise", same.PROMISES, label=lambda promise: promise.name)
def test_equal_arms_are_seldom_called_different(promise: Promise) -> None:
    assert [row.what for row in rows(promise, 1) if row.measured > 0] == []


def test_the_power_is_about_the_planned_one() -> None:
    assert [row.what for row in rows(power.PROMISES[0], 25) if not row.ok] == []


@for_each("promise", safety.PROMISES, label=lambda promise: promise.name)
def test_unsafe_changes_are_not_called_safe(promise: Promise) -> None:
    assert [row.what for row in rows(promise, 2) if not row.ok] == []


def test_a_row_is_judged_with_two_standard_errors() -> None:
    assert Row("rate", 0.069, 0.01, most=0.05).ok and not Row("rate", 0.071, 0.01, most=0.05).ok
    assert Row("rate", 0.031, 0.01, least=0.05).ok and not Row("rate", 0.029, 0.01, least=0.05).ok
    assert Row("rate", 0.9, 0.01).ok
