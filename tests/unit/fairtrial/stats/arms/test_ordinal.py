"""The chance to be above: Brunner and Munzel as scipy and R have it, and what holds for any marks."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid, evidence
from fairtrial.stats.arms.ordinal import superiority
from fairtrial.stats.effects import Effect, fixed

MARKS = st.lists(st.integers(0, 12), min_size=5, max_size=5).filter(lambda counts: sum(counts) >= 3)
Marks = list[int]


def effect(found: Effect | NotEnough) -> Effect:
    assert isinstance(found, Effect)
    return found


def spelt(counts: Marks) -> list[int]:
    return [mark for mark, count in enumerate(counts) for _ in range(count)]


def told(control: Marks, treatment: Marks) -> Effect:
    found = superiority(control, treatment)
    assume(isinstance(found, Effect) and found.variance > 0)
    return effect(found)


def test_pain_after_surgery_gives_the_numbers_of_lawstat() -> None:
    # R, lawstat::brunner.munzel.test on the pain scores of Brunner & Munzel (2000): Y = 1,2,1,1,1,1,1,1,1,1,2,4,1,1 and
    # N = 3,3,4,3,1,2,3,1,1,5,4: statistic 3.1375, df 17.683, p 0.005786, 0.788961 (0.5952169 to 0.9827052)
    found = effect(superiority([11, 2, 0, 1, 0], [3, 1, 4, 2, 1]))
    interval = fixed(found)
    assert isinstance(interval, Estimate)
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.788961, 0.5952169, 0.9827052), abs=5e-7)
    statistic = (found.value - 0.5) / sqrt(found.variance)
    assert (statistic, found.freedom) == (pytest.approx(3.1375, abs=5e-5), pytest.approx(17.683, abs=5e-4))
    assert 2 * stats.t.sf(statistic, found.freedom) == pytest.approx(0.005786, abs=5e-7)


@given(MARKS, MARKS)
def test_it_agrees_with_scipy(control: Marks, treatment: Marks) -> None:
    found = told(control, treatment)
    reference = stats.brunnermunzel(spelt(control), spelt(treatment))
    statistic = (found.value - 0.5) / sqrt(found.variance)
    assert statistic == pytest.approx(reference.statistic, abs=1e-8)
    assert 2 * stats.t.sf(abs(statistic), found.freedom) == pytest.approx(reference.pvalue, abs=1e-8)
    wins = stats.mannwhitneyu(spelt(treatment), spelt(control)).statistic
    assert found.value == pytest.approx(wins / (sum(control) * sum(treatment)))


@given(MARKS, MARKS)
def test_swapping_the_arms_mirrors_it_at_one_half(one: Marks, other: Marks) -> None:
    there, back = told(one, other), told(other, one)
    assert (there.value, there.variance, there.freedom) == pytest.approx((1 - back.value, back.variance, back.freedom))
    assert there.watched == pytest.approx(back.watched)


@given(MARKS, MARKS)
def test_turning_the_order_of_marks_round_mirrors_it_too(one: Marks, other: Marks) -> None:
    there, back = told(one, other), told(one[::-1], other[::-1])
    assert (there.value, there.variance) == pytest.approx((1 - back.value, back.variance))


@given(MARKS, MARKS)
def test_a_mark_that_nobody_gave_changes_nothing(one: Marks, other: Marks) -> None:
    there, back = told(one, other), told([*one[:2], 0, *one[2:]], [*other[:2], 0, *other[2:]])
    assert (there.value, there.variance) == pytest.approx((back.value, back.variance))


@given(MARKS, MARKS)
def test_four_times_the_units_narrow_by_two(one: Marks, other: Marks) -> None:
    few, many = told(one, other), told([4 * c for c in one], [4 * c for c in other])
    assert many.value == pytest.approx(few.value)
    assert 0.5 * few.variance / 4 <= many.variance <= few.variance / 4 * (1 + 1e-9)


def test_arms_that_do_not_overlap_or_hardly_exist_are_not_enough() -> None:
    assert isinstance(superiority([5, 3, 0, 0], [0, 0, 4, 4]), NotEnough)
    assert isinstance(superiority([0, 0, 4, 4], [5, 3, 0, 0]), NotEnough)
    assert isinstance(superiority([1, 0], [3, 3]), NotEnough)
    assert isinstance(superiority([0, 0], [3, 3]), NotEnough)
    assert isinstance(fixed(superiority([0, 9, 0], [0, 9, 0])), NotEnough)
    with pytest.raises(ValueError, match="same"):
        superiority([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="whole numbers"):
        superiority([1, -2], [1, 2])


def test_a_chance_stays_between_0_and_1() -> None:
    found = fixed(superiority([10, 2], [1, 12]))
    assert isinstance(found, Estimate)
    assert found.high == 1
    early = always_valid(superiority([20, 12], [20, 12]), tau=0.01)
    assert isinstance(early, Estimate)
    assert (early.low, early.high) == (0, 1)


@pytest.mark.parametrize("wrong", [[1.5, 2], [float("nan"), 1], [float("inf"), 1], [[1, 2], [3, 4]]])
def test_marks_are_counted(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        superiority(wrong, [1, 2])  # type: ignore[arg-type]


def test_a_look_tests_one_half_and_waits_for_thirty_units() -> None:
    assert isinstance(always_valid(superiority([10, 10], [5, 300]), tau=0.1), NotEnough)
    found = superiority([100, 100, 100], [60, 90, 150])
    assert isinstance(always_valid(found, tau=0.1), Estimate)
    won = evidence(found, tau=0.1, null=0.5)
    assert not isinstance(won, NotEnough)
    assert won.rejects(0.05)


def test_a_look_does_not_trust_a_small_arm_in_which_nearly_all_gave_the_best_mark() -> None:
    # 1 of 60 below the best mark where 6 were to be expected
    found = effect(superiority([20, 40, 540], [0, 1, 59]))
    assert found.watched is not None
    assert (found.value - 0.5) / sqrt(found.variance) > 3.5
    assert (found.value - 0.5) / sqrt(found.watched) < 2.5


def test_its_variance_is_that_of_repeated_draws() -> None:
    rng = np.random.default_rng(9)
    p, q = [0.1, 0.1, 0.2, 0.3, 0.3], [0.2, 0.1, 0.3, 0.3, 0.1]
    found = [effect(superiority(rng.multinomial(60, p), rng.multinomial(90, q))) for _ in range(2000)]
    assert np.mean([f.variance for f in found]) == pytest.approx(np.var([f.value for f in found]), rel=0.1)
