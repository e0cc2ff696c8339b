"""The course of a trial if the effect is true, against what simulations of the same rules have found."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from fairtrial.stats.always_valid import always_valid, at_least
from fairtrial.stats.effects import Effect
from fairtrial.stats.planning.courses import ConversionRule, conversion_course, monitored, monitored_multiple, planned
from fairtrial.stats.planning.question import Course
from fairtrial.stats.sequential.group_sequential import obrien_fleming

SINGLE_LOOK = 7.8489
"""(effect / standard error)² that one look needs for 80 % at two-sided 5 %."""


def watched(times: float, *, every: int) -> Course:
    """A trial with an effect of 1, variance 1 a unit, watched to so many times the units that one look needs."""
    looks = [SINGLE_LOOK * look / every for look in range(1, round(times * every) + 1)]
    return monitored(1.0, 1.0, looks, tau=1.0)


@pytest.mark.release("simulations")
def test_a_trial_that_is_watched_all_the_time_has_the_power_that_was_simulated() -> None:
    # Simulated, 10,000 trials, 10 % against 11 %, 590 looks in one look's sample, τ = MDE:
    # 54 % at 1.0, 76 % at 1.5, 80 % at 1.63, 88.7 % at 2, 97.8 % at 3, 99.7 % at 4, mean stop 1.09, type-M error 1.29
    result = watched(4, every=150)
    for times, power in ((1, 0.540), (1.5, 0.76), (1.63, 0.80), (2, 0.887), (3, 0.978), (4, 0.997)):
        assert result.power[round(times * 150) - 1] == pytest.approx(power, abs=0.015)
    assert result.mean_stop / SINGLE_LOOK == pytest.approx(1.09, abs=0.03)
    assert result.exaggeration == pytest.approx(1.29, abs=0.02)


def test_without_an_effect_it_errs_as_seldom_as_was_simulated() -> None:
    # Simulated: A/A 1.8 % to one look's sample, looking after every pair; a tiny effect stands for none
    looks = [SINGLE_LOOK * look / 150 for look in range(1, 151)]
    one_side = monitored(1e-9, 1.0, looks, tau=1.0).power[-1]
    assert 2 * one_side == pytest.approx(0.018, abs=0.003)


def test_more_looks_find_it_sooner_and_no_course_beats_a_single_look() -> None:
    often, seldom = watched(2, every=50), watched(2, every=5)
    assert often.mean_stop < seldom.mean_stop
    assert seldom.power[4] < often.power[49] < 0.8


@pytest.mark.parametrize("sides", [1, 2])
def test_simulated_trials_stop_where_the_interval_itself_excludes_zero(sides: int) -> None:
    rng = np.random.default_rng(5)
    looks = np.array([100.0, 250.0, 400.0, 700.0, 1000.0])
    steps = np.diff(looks, prepend=0.0) / 4
    scores = np.cumsum(0.15 * steps + np.sqrt(steps) * rng.standard_normal((4000, 5)), axis=1)
    won = np.zeros((4000, 5), dtype=bool)
    for look, units in enumerate(looks):
        # the bound depends on the variance alone, so one interval tells it for all trials
        effect = Effect(0.0, 4 / units, int(units), "x")
        bound = always_valid(effect, tau=0.15) if sides == 2 else at_least(effect, tau=0.15)
        won[:, look] = scores[:, look] / (units / 4) + bound.low > 0
    course = monitored(0.15, 4.0, looks.tolist(), tau=0.15, sides=sides)
    simulated = np.maximum.accumulate(won, axis=1).mean(axis=0)
    assert course.power == pytest.approx(simulated, abs=0.03)


def test_ten_planned_looks_are_those_that_were_simulated() -> None:
    bounds = [obrien_fleming(10) * (10 / look) ** 0.5 for look in range(1, 11)]
    course = planned(1.0, 1.0, ([SINGLE_LOOK * look / 10 for look in range(1, 11)], bounds))
    assert course.power[-1] == pytest.approx(0.785, abs=0.008)
    assert course.mean_stop / SINGLE_LOOK == pytest.approx(0.77, abs=0.005)


def test_the_units_for_eighty_percent_are_1_63_times_those_of_one_look() -> None:
    result = monitored_multiple(0.8, alpha=0.05, sides=2, tau=1.0)
    assert result is not None
    assert result / SINGLE_LOOK == pytest.approx(1.66, abs=0.04)


@given(st.floats(0.2, 3), st.floats(0.2, 3), st.floats(0.01, 0.3), st.sampled_from([1, 2]))
def test_power_lies_between_0_and_1_and_rises_with_units_effect_and_alpha(
    effect: float, tau: float, alpha: float, sides: int
) -> None:
    looks = [float(look) for look in range(1, 11)]
    course = monitored(effect, 1.0, looks, tau=tau, alpha=alpha, sides=sides)
    assert all(0 <= power <= 1 for power in course.power)
    assert list(course.power) == sorted(course.power)
    assert looks[0] <= course.mean_stop <= looks[-1] + 1e-9
    assert monitored(effect * 1.2, 1.0, looks, tau=tau, alpha=alpha, sides=sides).power[-1] >= course.power[-1] - 1e-6
    assert monitored(effect, 1.0, looks, tau=tau, alpha=alpha * 1.2, sides=1).power[-1] >= (
        monitored(effect, 1.0, looks, tau=tau, alpha=alpha, sides=1).power[-1] - 1e-9
    )


def test_scale_does_not_matter() -> None:
    course = monitored(1.0, 1.0, [2.0, 5.0, 9.0], tau=1.0)
    second = monitored(0.01, 0.0004, [8.0, 20.0, 36.0], tau=0.01)
    assert second.power == pytest.approx(course.power)
    assert second.mean_stop == pytest.approx(4 * course.mean_stop)


def test_rare_harm_is_found_as_soon_as_was_simulated() -> None:
    # Simulated: errors of 1 % become 5 %: 307 units an arm on average, about 390 at α/3; become 2 %: 2,064, and
    # 94.7 % of it is found by 5,000 an arm; A/A 2.1 %
    worse = ConversionRule(lift=1.0, side="more")
    assert conversion_course(worse, control=0.01, treatment=0.05, units=10_000).mean_stop / 2 == pytest.approx(
        307, abs=6
    )
    third = ConversionRule(lift=1.0, side="more", alpha=0.05 / 3)
    assert conversion_course(third, control=0.01, treatment=0.05, units=10_000).mean_stop / 2 == pytest.approx(
        390, abs=6
    )
    twice = conversion_course(worse, control=0.01, treatment=0.02, units=10_000)
    assert twice.mean_stop / 2 == pytest.approx(2064, abs=30)
    assert twice.power[-1] == pytest.approx(0.947, abs=0.006)
    same = conversion_course(worse, control=0.01, treatment=0.01, units=10_000)
    assert same.power[-1] == pytest.approx(0.021, abs=0.004)


def test_conversions_are_followed_as_a_simulation_of_units_has_them() -> None:
    rng = np.random.default_rng(6)
    rule = ConversionRule(lift=1.0, share=0.3)
    treated = rng.random((1500, 2000)) < 0.3
    converted = rng.random((1500, 2000)) < np.where(treated, 0.05, 0.02)
    won = 0
    for arm, event in zip(treated, converted, strict=True):
        b = np.cumsum(arm & event)[event]
        a = np.arange(1, len(b) + 1) - b
        won += any(k * 0.7 > c * 0.3 and rule.rejects(int(c), int(k)) for c, k in zip(a, b, strict=True))
    course = conversion_course(rule, control=0.02, treatment=0.05, units=2000)
    assert course.power[-1] == pytest.approx(won / 1500, abs=0.04)


def test_batches_of_conversions_hardly_change_the_course() -> None:
    rule = ConversionRule(lift=0.5, side="fewer", margin=0.5)
    short = conversion_course(rule, control=0.05, treatment=0.05, units=9_000)
    long = conversion_course(rule, control=0.05, treatment=0.05, units=36_000)
    assert long.power[len(long.power) // 4 - 1] == pytest.approx(short.power[-1], abs=0.02)


@given(st.floats(0.005, 0.1), st.floats(1.2, 4), st.floats(0.2, 0.8))
def test_swapping_the_arms_of_conversions_changes_nothing(rate: float, lift: float, share: float) -> None:
    first = ConversionRule(lift=1.0, share=share, side="more")
    second = ConversionRule(lift=1.0, share=1 - share, side="fewer")
    course = conversion_course(first, control=rate, treatment=rate * lift, units=800)
    swapped = conversion_course(second, control=rate * lift, treatment=rate, units=800)
    assert course.power == pytest.approx(swapped.power, abs=1e-6)
    assert list(course.power) == sorted(course.power)
    assert 0 <= course.power[-1] <= 1


def test_what_can_t_be_planned_for_is_refused() -> None:
    with pytest.raises(ValueError, match="planned"):
        monitored(0.0, 1.0, [1.0], tau=1.0)
    with pytest.raises(ValueError, match="planned"):
        planned(1.0, float("inf"), 10.0)
    with pytest.raises(ValueError, match="planned"):
        conversion_course(ConversionRule(lift=1.0), control=0.1, treatment=0.1, units=100)
    with pytest.raises(ValueError, match="planned"):
        conversion_course(ConversionRule(lift=1.0), control=0.0, treatment=0.1, units=100)


def test_a_power_that_is_not_reached_needs_more_units_than_were_followed() -> None:
    assert Course((1.0, 2.0), (0.1, 0.2), mean_stop=1.9).needed(0.8) is None
