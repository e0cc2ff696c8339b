"""Means of two arms: Welch as scipy and R have it, and what holds for any values."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from scipy import stats

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.means import mean, mean_difference
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.sums import Moments

RNG = np.random.default_rng(11)
VALUES = st.lists(st.integers(-1000, 1000).map(float), min_size=3, max_size=30)
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)


def effect(result: Effect | NotEnough) -> Effect:
    assert isinstance(result, Effect)
    return result


def bounds(result: Estimate | NotEnough) -> tuple[float, float]:
    assert isinstance(result, Estimate)
    return result.low, result.high


def difference(control: list[float], treatment: list[float]) -> Effect:
    return effect(mean_difference(Moments.of(control), Moments.of(treatment)))


def test_the_sleep_of_ten_patients_gives_the_numbers_of_r() -> None:
    # R, help page of t.test: t.test(extra ~ group, data = sleep), data of Student (1908); control − treatment there
    gap = difference(*SLEEP)
    assert gap.value / sqrt(gap.variance) == pytest.approx(1.8608, abs=5e-5)
    assert gap.freedom == pytest.approx(17.776, abs=5e-4)
    assert bounds(fixed(gap)) == pytest.approx((-0.2054832, 3.3654832), abs=5e-8)


def test_paired_sleep_gives_the_numbers_of_r() -> None:
    # R, help page of t.test: t.test(x - y) of the same data: t = 4.0621, df = 9, 0.7001142 to 2.4598858
    level = effect(mean(Moments.of(np.subtract(SLEEP[1], SLEEP[0]))))
    assert (level.value / sqrt(level.variance), level.freedom) == pytest.approx((4.0621, 9), abs=5e-5)
    assert bounds(fixed(level)) == pytest.approx((0.7001142, 2.4598858), abs=5e-8)


def test_unequal_spreads_give_the_number_of_gbstats() -> None:
    # gbstats, tests/frequentist/test_tests.py, test_two_sided_ttest: means 0.41 and 0.7, deviations 3.9 and 6.2
    arms = [Moments(n, n * m, (n - 1) * s**2 + n * m**2) for n, m, s in [(3407, 0.41, 3.9), (3461, 0.7, 6.2)]]
    gap = effect(mean_difference(*arms))
    p = 2 * stats.t.sf(gap.value / sqrt(gap.variance), gap.freedom)
    assert (bounds(fixed(gap)), p) == (pytest.approx((0.04538, 0.53462), abs=5e-6), pytest.approx(0.02016, abs=5e-6))


@given(VALUES, VALUES, st.sampled_from([0.8, 0.95, 0.99]))
def test_welch_agrees_with_scipy(control: list[float], treatment: list[float], level: float) -> None:
    assume(len(set(control)) > 1 and len(set(treatment)) > 1)
    reference = stats.ttest_ind(treatment, control, equal_var=False)
    gap = difference(control, treatment)
    assert gap.freedom == pytest.approx(reference.df)
    interval = reference.confidence_interval(level)
    assert bounds(fixed(gap, level=level)) == pytest.approx((interval.low, interval.high), abs=1e-6)


@given(VALUES, VALUES)
def test_swapping_the_arms_turns_the_sign(control: list[float], treatment: list[float]) -> None:
    there, back = difference(control, treatment), difference(treatment, control)
    assert (there.value, there.variance, there.freedom) == pytest.approx((-back.value, back.variance, back.freedom))


@given(VALUES, VALUES, VALUES)
def test_order_and_parts_do_not_matter(control: list[float], more: list[float], treatment: list[float]) -> None:
    whole = mean_difference(Moments.of(control + more), Moments.of(treatment))
    parts = mean_difference(Moments.of(more[::-1]) + Moments.of(control[::-1]), Moments.of(treatment[::-1]))
    assert whole == parts  # whole numbers, so that even rounding is the same


@given(VALUES, VALUES, st.floats(0.1, 10))
def test_another_unit_of_measurement_scales_the_effect(control: list[float], treatment: list[float], by: float) -> None:
    plain, scaled = difference(control, treatment), difference([by * x for x in control], [by * x for x in treatment])
    assert scaled.value == pytest.approx(by * plain.value, abs=1e-8)
    assert scaled.variance == pytest.approx(by**2 * plain.variance, abs=1e-8)


@given(VALUES, VALUES)
def test_four_times_the_units_all_but_halve_the_error(control: list[float], treatment: list[float]) -> None:
    few, many = difference(control, treatment), difference(4 * control, 4 * treatment)
    assert many.variance <= few.variance / 4 + 1e-12
    assert many.variance >= few.variance / 4 * (2 / 3) * (4 * 3 / 11) - 1e-9


@given(VALUES, VALUES)
def test_a_higher_level_is_wider(control: list[float], treatment: list[float]) -> None:
    assume(len(set(control)) > 1)
    narrow, wide = (bounds(fixed(difference(control, treatment), level=level)) for level in (0.9, 0.95))
    assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]


def test_a_relative_margin_scales_the_control_and_its_variance() -> None:
    control, treatment = RNG.exponential(2, 400), RNG.exponential(2, 300)
    gap = effect(mean_difference(Moments.of(control), Moments.of(treatment), scale=1.2))
    reference = stats.ttest_ind(treatment, 1.2 * control, equal_var=False).confidence_interval(0.95)
    assert bounds(fixed(gap)) == pytest.approx((reference.low, reference.high))
    assert gap.method == "difference of means, control times 1.2"
    with pytest.raises(ValueError, match="scaled"):
        mean_difference(Moments.of(control), Moments.of(treatment), scale=-1.0)


def test_a_look_waits_for_thirty_units_in_each_arm() -> None:
    few, many = Moments.of(RNG.uniform(0, 1, 29)), Moments.of(RNG.uniform(0, 1, 500))
    for arms in [(few, many), (many, few)]:
        assert isinstance(always_valid(mean_difference(*arms, within=(0, 1)), tau=0.5), NotEnough)
        assert isinstance(fixed(mean_difference(*arms)), Estimate)
    assert isinstance(always_valid(mean(few, within=(0, 1)), tau=0.5), NotEnough)
    assert isinstance(always_valid(mean_difference(many, many, within=(0, 1)), tau=0.5), Estimate)


def test_a_look_at_values_without_bounds_is_refused_and_a_single_one_is_not() -> None:
    arms = Moments.of(RNG.exponential(1, 500)), Moments.of(RNG.exponential(1, 500))
    interval = always_valid(mean_difference(*arms), tau=0.5)
    assert isinstance(interval, NotEnough)
    assert "no bound" in interval.reason
    assert isinstance(fixed(mean_difference(*arms)), Estimate)


@given(st.lists(st.floats(0, 10), min_size=2, max_size=40))
def test_the_end_of_a_look_counts_two_unseen_units_at_the_bound_on_its_side(values: list[float]) -> None:
    arm, n = Moments.of(values), len(values)
    level = effect(mean(arm, within=(0, 10)))
    expected = [((n - 1) * arm.variance + 3 * far**2) / (n - 1) / n for far in (arm.mean, 10 - arm.mean)]
    assert level.ends == pytest.approx(expected)
    assert level.variance == effect(mean(arm)).variance


def test_unseen_units_of_control_move_a_difference_the_other_way() -> None:
    low, high = Moments.of([1.0, 2.0] * 50), Moments.of([8.0, 9.0] * 50)
    gap = effect(mean_difference(low, high, within=(0, 10), scale=2.0))
    control, treatment = (effect(mean(arm, within=(0, 10))).unseen for arm in (low, high))
    assert gap.unseen == pytest.approx((treatment[0] + 4 * control[1], treatment[1] + 4 * control[0]))
    interval = always_valid(gap, tau=1.0)
    assert isinstance(interval, Estimate)
    assert gap.value - interval.low > interval.high - gap.value


@pytest.mark.parametrize("values", [[0.0, 11.0], [-1.0, 0.5], [5.0, 5.0, 10.5, 4.5]])
def test_values_outside_the_bounds_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="cap them"):
        mean(Moments.of(values * 9), within=(0, 5))
    with pytest.raises(ValueError, match="must be two finite numbers"):
        mean(Moments.of(values), within=(5, 0))


def test_one_unit_or_equal_units_are_no_evidence() -> None:
    single, some = Moments.of([3.0]), Moments.of([1.0, 2.0, 3.0])
    assert isinstance(mean(single), NotEnough)
    assert isinstance(mean_difference(single, some), NotEnough)
    assert isinstance(mean_difference(some, single), NotEnough)
    equal = Moments.of([0.1] * 50)
    assert isinstance(fixed(mean_difference(equal, equal)), NotEnough)


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(2000):
        arms = Moments.of(rng.normal(0, 1, 12)), Moments.of(rng.normal(0.5, 3, 25))
        low, high = bounds(fixed(mean_difference(*arms)))
        covered += low <= 0.5 <= high
    assert 0.937 <= covered / 2000 <= 0.963  # 0.95 ± 2.7 standard errors
