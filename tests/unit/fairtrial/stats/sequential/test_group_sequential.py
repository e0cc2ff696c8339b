"""The chance to leave the bounds at one of many looks, against published tables and a simulated walk."""

from dataclasses import replace
from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import ndtr, ndtri

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.sequential.group_sequential import (
    exits,
    inflation,
    obrien_fleming,
    planned_exits,
    spending_bounds,
    spent_look,
)
from tests.fixtures.for_each import for_each


def repeated(looks: int, constant: float, drift: float = 0.0) -> float:
    times = np.arange(1.0, looks + 1)
    walk = exits(times, -constant * times**0.5, constant * times**0.5, drift=drift)
    return sum(walk.up) + sum(walk.down)


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
    walk = exits(times, low, high, drift=0.7)
    outside = (walks >= high) | (walks <= low)
    first = np.where(outside.any(axis=1), outside.argmax(axis=1), 5)
    at = walks[np.arange(len(walks)), first]
    won = outside.any(axis=1) & (at >= high[first])
    for look in range(6):
        assert np.mean(won & (first == look)) == pytest.approx(walk.up[look], abs=0.004)
    assert np.mean(outside.any(axis=1) & ~won) == pytest.approx(sum(walk.down), abs=0.004)
    assert np.mean(times[first]) == pytest.approx(walk.mean_time, abs=0.02)
    assert np.mean((at / times[first])[won]) == pytest.approx(walk.mean_slope_up, abs=0.01)


@given(st.floats(-2, 2), st.lists(st.floats(0.05, 3), min_size=1, max_size=8), st.floats(0.3, 3), st.floats(0.3, 3))
def test_turning_the_walk_around_swaps_the_sides(drift: float, steps: list[float], high: float, low: float) -> None:
    times, looks = np.cumsum(steps), len(steps)
    walk = exits(times, [-low] * looks, [high] * looks, drift=drift)
    turned = exits(times, [-high] * looks, [low] * looks, drift=-drift)
    assert walk.up == pytest.approx(turned.down, abs=1e-9)
    assert walk.down == pytest.approx(turned.up, abs=1e-9)
    assert 0 <= sum(walk.up) + sum(walk.down) <= 1 + 1e-9
    assert times[0] - 1e-9 <= walk.mean_time <= times[-1] + 1e-9


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
    walk = exits([4.0], [-np.inf], [3.0], drift=0.5)
    assert walk.up[0] == pytest.approx(float(ndtr(-0.5)))
    assert walk.mean_time == 4.0


def test_a_walk_that_hardly_ever_leaves_has_no_slope_there() -> None:
    assert exits([1.0], [-np.inf], [9.0], drift=0.0).mean_slope_up is None


def test_a_walk_that_has_surely_left_stays_away() -> None:
    walk = exits([1.0, 2.0, 3.0], [-1.0] * 3, [1.0] * 3, drift=30.0)
    assert walk.up == pytest.approx((1.0, 0.0, 0.0), abs=1e-12)


@pytest.mark.parametrize(
    ("times", "low", "high"), [([], [], []), ([1, 1], [0, 0], [1, 1]), ([0.0], [-1], [1]), ([1], [-1, -1], [1])]
)
def test_looks_that_make_no_sense_are_refused(times: list[float], low: list[float], high: list[float]) -> None:
    with pytest.raises(ValueError, match="look"):
        exits(times, low, high, drift=0.0)


EFFECT = Effect(value=0.04, variance=0.0001, n=1800, method="difference")


@for_each(("looks", "constant"), [(1, 1.960), (2, 1.977), (3, 2.004), (4, 2.024), (5, 2.040), (10, 2.087)])
def test_the_constants_are_those_of_jennison_and_turnbull(looks: int, constant: float) -> None:
    # Jennison & Turnbull (2000), Group Sequential Methods, table 2.3, C_B(K, 0.05)
    assert obrien_fleming(looks) == pytest.approx(constant, abs=6e-4)


@pytest.mark.parametrize(("looks", "factor"), [(1, 1.0), (2, 1.008), (5, 1.028), (10, 1.040)])
def test_the_inflation_is_that_of_jennison_and_turnbull(looks: int, factor: float) -> None:
    # Jennison & Turnbull (2000), table 2.4, R_B(K, 0.05, 0.2)
    assert inflation(looks) == pytest.approx(factor, abs=6e-4)


def test_ten_looks_within_the_sample_of_one_are_what_a_simulation_has_found() -> None:
    # Simulated (10 % against 11 %, 10,000 trials): power 78.5 %, mean stop 0.77 of the sample, type-M error 1.28
    drift = float(ndtri(0.975) + ndtri(0.8))
    walk = planned_exits(10, obrien_fleming(10), drift=drift)
    assert sum(walk.up) == pytest.approx(0.785, abs=0.008)
    assert walk.mean_time == pytest.approx(0.77, abs=0.005)
    assert walk.mean_slope_up is not None
    assert walk.mean_slope_up / drift == pytest.approx(1.28, abs=0.01)


def test_the_spending_bounds_are_those_of_the_programs_of_lan_and_demets() -> None:
    # Reboussin, DeMets, Kim & Lan (2000), Control. Clin. Trials 21:190-207 (R's ldbounds): five looks, two-sided 5 %
    limits = spending_bounds((0.2, 0.4, 0.6, 0.8, 1.0))
    assert limits == pytest.approx((4.8769, 3.3569, 2.6803, 2.2898, 2.0310), abs=2e-4)


@pytest.mark.parametrize("looks", [2, 5, 12])
def test_simulated_looks_without_an_effect_cover_zero_at_all_of_them(looks: int) -> None:
    rng = np.random.default_rng(11)
    walks = np.cumsum(rng.standard_normal((100_000, looks)), axis=1) / np.sqrt(looks)
    missed = np.mean(np.any(np.abs(walks) >= obrien_fleming(looks), axis=1))
    assert missed == pytest.approx(0.05, abs=0.003)


@given(st.lists(st.floats(0.02, 0.4), min_size=1, max_size=6), st.floats(0.01, 0.2))
def test_looks_at_any_times_spend_what_they_may(steps: list[float], alpha: float) -> None:
    times = tuple(float(time) for time in np.cumsum(steps))
    times = (*(time for time in times if time < 0.99), 1.0)
    bounds = spending_bounds(times, alpha=alpha)
    rng = np.random.default_rng(1)
    walks = np.cumsum(np.sqrt(np.diff(times, prepend=0.0)) * rng.standard_normal((20_000, len(times))), axis=1)
    missed = np.mean(np.any(np.abs(walks) >= np.array(bounds) * np.sqrt(times), axis=1))
    assert missed == pytest.approx(alpha, abs=5 * sqrt(alpha / 20_000))
    assert spending_bounds(times[:-1], alpha=alpha) == bounds[:-1] if len(times) > 1 else True


def test_planned_looks_read_the_variance_that_more_than_one_look_needs() -> None:
    # Simulated (10 % in both arms, 80/20, 1,900 users, 40,000 trials), one-sided at 5 %: 6.9 % without, 4.5 % with it
    watched = replace(EFFECT, watched=4 * EFFECT.variance)
    plain, wider = (spent_look(effect, times=(0.5, 1.0)) for effect in (EFFECT, watched))
    assert isinstance(plain, Estimate)
    assert isinstance(wider, Estimate)
    assert wider.high - wider.low == pytest.approx(2 * (plain.high - plain.low))


def test_a_single_planned_look_is_the_fixed_interval() -> None:
    first, single = spent_look(EFFECT, times=(1.0,)), fixed(EFFECT)
    assert isinstance(first, Estimate)
    assert isinstance(single, Estimate)
    assert (first.low, first.high) == pytest.approx((single.low, single.high))
    assert not first.always_valid


def test_less_alpha_needs_higher_bounds() -> None:
    constants = [obrien_fleming(5, alpha=alpha) for alpha in (0.2, 0.1, 0.05, 0.01, 0.001)]
    assert constants == sorted(constants)
    firsts = [spending_bounds((0.5, 1.0), alpha=alpha)[0] for alpha in (0.2, 0.1, 0.05, 0.01)]
    assert firsts == sorted(firsts)


def test_what_can_t_be_looked_at_yet_says_so() -> None:
    early = NotEnough("too few", "more")
    for look in (
        spent_look(early, times=(0.5,)),
        spent_look(Effect(0.1, 0.1, 3, "x", not_yet=early), times=(0.5,)),
    ):
        assert look is early
    assert isinstance(spent_look(Effect(0.0, 0.0, 3, "x"), times=(0.5,)), NotEnough)


def test_a_look_too_early_to_find_anything_finds_nothing() -> None:
    assert spending_bounds((0.01,)) == (inf,)
    assert isinstance(spent_look(EFFECT, times=(0.01,)), NotEnough)


def test_after_the_look_at_the_end_nothing_is_left_to_spend() -> None:
    assert spending_bounds((0.5, 1.0, 1.2))[-1] == inf
    assert spending_bounds((0.5, 1.2))[-1] < 2
    late = spent_look(EFFECT, times=(0.5, 1.0, 1.2))
    assert isinstance(late, NotEnough)
    assert late.reason == "the look at the end of the plan was the last"


def test_no_interval_goes_beyond_what_the_effect_can_be() -> None:
    share = Effect(0.9, 0.04, 500, "share", within=(0.0, 1.0))
    interval = spent_look(share, times=(0.2,))
    assert isinstance(interval, Estimate)
    assert (interval.low, interval.high) == (0, 1)


def test_a_plan_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="a plan has 1 to 100 looks"):
        obrien_fleming(0)
    with pytest.raises(ValueError, match="a plan has 1 to 100 looks"):
        obrien_fleming(5, alpha=1.5)
    with pytest.raises(ValueError, match="power"):
        inflation(5, power=0.01)
    for times in ((0.5, 0.5), (float("nan"),), (0.5, inf), (0.0,), ()):
        with pytest.raises(ValueError, match="ascend"):
            spending_bounds(times)
    for level in (0.0, 1.0, 95.0):
        with pytest.raises(ValueError, match="level"):
            spent_look(EFFECT, times=(0.5,), level=level)
    with pytest.raises(ValueError, match="alpha"):
        spending_bounds((0.5,), alpha=1.5)


def test_a_planned_look_counts_unseen_units_on_the_side_of_each_end() -> None:
    known = Effect(0.4, 0.01, 900, "difference", unseen=(0.02, 0.0))
    effects = known, replace(known, variance=0.03, unseen=(0, 0)), replace(known, unseen=(0, 0))
    interval, wider, same = (spent_look(effect, times=(0.5,)) for effect in effects)
    assert isinstance(interval, Estimate) and isinstance(wider, Estimate) and isinstance(same, Estimate)
    assert (interval.low, interval.high) == (wider.low, same.high)
