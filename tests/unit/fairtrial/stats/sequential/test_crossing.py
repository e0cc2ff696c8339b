"""The chance to leave the bounds at one of many looks, against published tables and a simulated walk."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from fairtrial.stats.sequential.crossing import exits
from tests.fixtures.for_each import for_each


def repeated(looks: int, constant: float, drift: float = 0.0) -> float:
    times = np.arange(1.0, looks + 1)
    found = exits(times, -constant * times**0.5, constant * times**0.5, drift=drift)
    return sum(found.up) + sum(found.down)


@for_each(
    ("looks", "error"),
    [(1, 0.05), (2, 0.083), (3, 0.107), (4, 0.126), (5, 0.142), (10, 0.193), (20, 0.248), (50, 0.320)],
)
def test_looks_at_five_percent_err_as_often_as_armitage_mcpherson_and_rowe_computed(looks: int, error: float) -> None:
    # Armitage, McPherson & Rowe (1969), J. R. Stat. Soc. A 132:235-244, the table for the normal distribution
    assert repeated(looks, 1.959964) == pytest.approx(error, abs=6e-4)


@for_each(("looks", "constant"), [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413), (10, 2.555)])
def test_pocock_s_constants_are_a_test_of_five_percent(looks: int, constant: float) -> None:
    # Jennison & Turnbull (2000), Group Sequential Methods, table 2.1, C_P(K, 0.05)
    assert repeated(looks, constant) == pytest.approx(0.05, abs=1e-4)


def test_a_simulated_walk_leaves_as_often_as_early_and_as_far() -> None:
    rng = np.random.default_rng(7)
    times = np.array([0.5, 1.0, 2.0, 2.5, 4.0, 6.0])
    steps = np.diff(times, prepend=0.0)
    walks = np.cumsum(0.7 * steps + np.sqrt(steps) * rng.standard_normal((200_000, 6)), axis=1)
    high, low = 2.2 + 0.3 * times, -1.5 - 0.1 * times
    found = exits(times, low, high, drift=0.7)
    outside = (walks >= high) | (walks <= low)
    first = np.where(outside.any(axis=1), outside.argmax(axis=1), 5)
    at = walks[np.arange(len(walks)), first]
    won = outside.any(axis=1) & (at >= high[first])
    for look in range(6):
        assert np.mean(won & (first == look)) == pytest.approx(found.up[look], abs=0.004)
    assert np.mean(outside.any(axis=1) & ~won) == pytest.approx(sum(found.down), abs=0.004)
    assert np.mean(times[first]) == pytest.approx(found.mean_time, abs=0.02)
    assert np.mean((at / times[first])[won]) == pytest.approx(found.mean_slope_up, abs=0.01)


@given(st.floats(-2, 2), st.lists(st.floats(0.05, 3), min_size=1, max_size=8), st.floats(0.3, 3), st.floats(0.3, 3))
def test_turning_the_walk_around_swaps_the_sides(drift: float, steps: list[float], high: float, low: float) -> None:
    times, looks = np.cumsum(steps), len(steps)
    found = exits(times, [-low] * looks, [high] * looks, drift=drift)
    turned = exits(times, [-high] * looks, [low] * looks, drift=-drift)
    assert found.up == pytest.approx(turned.down, abs=1e-9)
    assert found.down == pytest.approx(turned.up, abs=1e-9)
    assert 0 <= sum(found.up) + sum(found.down) <= 1 + 1e-9
    assert times[0] - 1e-9 <= found.mean_time <= times[-1] + 1e-9


@given(st.floats(-1, 1), st.lists(st.floats(0.05, 3), min_size=2, max_size=8), st.floats(0.01, 2))
def test_more_drift_crosses_more_often_and_without_a_lower_bound_no_less(
    drift: float, steps: list[float], more: float
) -> None:
    times, high, none = np.cumsum(steps), [1.5] * len(steps), [-np.inf] * len(steps)
    crossed = sum(exits(times, none, high, drift=drift).up)
    assert sum(exits(times, none, high, drift=drift + more).up) > crossed
    assert crossed >= sum(exits(times, [-1.5] * len(steps), high, drift=drift).up) - 1e-9


def test_a_look_between_two_others_that_is_never_acted_on_changes_nothing() -> None:
    without = exits([1.0, 2.0], [-2.0, -2.0], [2.0, 2.0], drift=0.4)
    ignored = exits([1.0, 1.3, 2.0], [-2.0, -np.inf, -2.0], [2.0, np.inf, 2.0], drift=0.4)
    assert (ignored.up[0], ignored.up[2]) == pytest.approx(without.up, abs=1e-7)
    assert ignored.up[1] == ignored.down[1] == 0


def test_bounds_that_cross_and_a_drift_that_is_no_number_are_refused() -> None:
    for low, high in ((2.0, 1.0), (float("nan"), 1.0)):
        with pytest.raises(ValueError, match="look"):
            exits([1.0], [low], [high], drift=0.0)
    with pytest.raises(ValueError, match="drift"):
        exits([1.0], [-1.0], [1.0], drift=float("nan"))
    with pytest.raises(ValueError, match="ascend"):
        exits([float("nan")], [-1.0], [1.0], drift=0.0)


def test_one_look_is_the_normal_distribution() -> None:
    found = exits([4.0], [-np.inf], [3.0], drift=0.5)
    assert found.up[0] == pytest.approx(float(ndtr(-0.5)))
    assert found.mean_time == 4.0


def test_a_walk_that_hardly_ever_leaves_has_no_slope_there() -> None:
    assert exits([1.0], [-np.inf], [9.0], drift=0.0).mean_slope_up is None


def test_a_walk_that_has_surely_left_stays_away() -> None:
    found = exits([1.0, 2.0, 3.0], [-1.0] * 3, [1.0] * 3, drift=30.0)
    assert found.up == pytest.approx((1.0, 0.0, 0.0), abs=1e-12)


@pytest.mark.parametrize(
    ("times", "low", "high"), [([], [], []), ([1, 1], [0, 0], [1, 1]), ([0.0], [-1], [1]), ([1], [-1, -1], [1])]
)
def test_looks_that_make_no_sense_are_refused(times: list[float], low: list[float], high: list[float]) -> None:
    with pytest.raises(ValueError, match="look"):
        exits(times, low, high, drift=0.0)
