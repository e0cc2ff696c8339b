"""The difference of two levels: its degrees of freedom, and the larger of two variances, which repeated looks use."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats
from scipy.stats import ttest_ind

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid, evidence
from fairtrial.stats.arms.means import difference, mean_difference, monitoring_variance, welch
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.sums import Moments

NONE = NotEnough("nothing", "something")
VARIANCES = st.floats(1e-6, 1e6)


def level(value: float, variance: float, n: int = 100, not_yet: NotEnough | None = None) -> Effect:
    return Effect(value, variance, n, "level", n - 1, not_yet)


def test_what_is_missing_is_reported_for_the_control_first() -> None:
    second = NotEnough("other", "else")
    assert difference(NONE, second, method="d") is NONE
    assert difference(level(1, 1), second, method="d") is second


def test_few_units_are_reported_before_what_a_level_lacks() -> None:
    gap = difference(level(1, 1, n=10, not_yet=NONE), level(1, 1), method="d")
    assert isinstance(gap, Effect)
    assert gap.not_yet is not None
    assert gap.not_yet.needed == "20 more units in it"
    lacking = difference(level(1, 1), level(1, 1, not_yet=NONE), method="d")
    assert isinstance(lacking, Effect)
    assert lacking.not_yet is NONE


@given(VARIANCES, VARIANCES, st.integers(2, 500), st.integers(2, 500))
def test_the_freedom_lies_between_the_smaller_arm_and_both(control: float, treatment: float, m: int, n: int) -> None:
    freedom = welch((control, m - 1), (treatment, n - 1))
    assert (min(m, n) - 1) * (1 - 1e-9) <= freedom <= (m + n - 2) * (1 + 1e-9)


def test_without_variance_or_with_a_known_one_the_freedom_has_no_end() -> None:
    assert welch((0.0, 3), (0.0, 5)) == inf
    assert welch((1.0, inf), (2.0, inf)) == inf
    assert welch((0.0, 3), (2.0, 5)) == 5


def test_a_look_reads_students_variance_where_it_is_larger() -> None:
    small, large = np.random.default_rng(1).normal(0, 1, 40), np.random.default_rng(2).normal(0, 3, 400)
    control, treatment = (level(float(x.mean()), float(x.var(ddof=1)) / len(x), len(x)) for x in (large, small))
    gap = difference(control, treatment, method="d")
    assert isinstance(gap, Effect)
    assert gap.watched is not None
    student = stats.ttest_ind(small, large)
    error = (student.confidence_interval(0.95).high - gap.value) / stats.t.ppf(0.975, 438)
    assert gap.watched == pytest.approx(error**2, rel=0.01)
    assert gap.watched > gap.variance


variances = st.floats(1e-6, 1e6)
units = st.integers(30, 10**6)


def effect(control: Moments, treatment: Moments, within: tuple[float, float] | None = None) -> Effect:
    gap = mean_difference(control, treatment, within=within)
    assert not isinstance(gap, NotEnough)
    return gap


@given(variances, units, variances, units)
def test_it_is_never_below_what_one_look_reads_and_the_same_when_the_arms_are_swapped(
    v: float, m: int, w: float, n: int
) -> None:
    assert monitoring_variance((v, m), (w, n)) >= v + w
    assert monitoring_variance((v, m), (w, n)) == pytest.approx(monitoring_variance((w, n), (v, m)))


@given(variances, variances, units)
def test_arms_of_one_size_need_no_more_than_one_look(v: float, w: float, n: int) -> None:
    assert monitoring_variance((v, n), (w, n)) == pytest.approx(v + w)


def test_a_small_arm_that_seems_to_vary_little_borrows_the_other_arms_spread_as_students_test_does() -> None:
    draw = np.random.default_rng(5)
    control, treatment = draw.normal(0, 3, 900), draw.normal(0, 1, 100)
    gap = effect(Moments.of(control), Moments.of(treatment))
    welch, student = (ttest_ind(treatment, control, equal_var=alike) for alike in (False, True))
    assert gap.value / gap.variance**0.5 == pytest.approx(welch.statistic)
    assert gap.watched is not None
    # Student weighs the spreads by n − 1, which is not quite n
    assert gap.value / gap.watched**0.5 == pytest.approx(student.statistic, rel=0.01)


def test_a_look_at_any_time_reads_it_and_a_single_look_does_not() -> None:
    small = Effect(value=0.3, variance=0.01, n=500, method="difference", watched=0.04)
    large = replace(small, variance=0.04, watched=None)
    assert always_valid(small, tau=0.2) == always_valid(large, tau=0.2)
    assert evidence(small, tau=0.2) == evidence(large, tau=0.2)
    assert fixed(small) == fixed(replace(small, watched=None))


@pytest.mark.release("simulations")
def test_without_it_skewed_costs_at_a_90_10_split_look_cheaper_far_too_often() -> None:
    """Capped lognormal costs, no difference, looked at after every ten users from 300 to 2,300; 5 % is promised."""
    draw, trials = np.random.default_rng(11), 200
    wrong = {"with": 0, "without": 0}
    for _ in range(trials):
        cost, treated = np.exp(1.5 * draw.standard_normal(2_300)).clip(max=100), draw.random(2_300) < 0.1
        decided = {"with": False, "without": False}
        for n in range(300, 2_301, 10):
            arms = [Moments.of(cost[:n][treated[:n] == arm]) for arm in (False, True)]
            seen = effect(*arms, within=(0, 100))
            seen = replace(seen, unseen=(0.0, 0.0))
            for name, each in (("with", seen), ("without", replace(seen, watched=None))):
                interval = always_valid(each, tau=0.5)
                decided[name] |= isinstance(interval, Estimate) and not interval.low <= 0 <= interval.high
        for name in wrong:
            wrong[name] += decided[name]
    assert wrong["with"] <= 0.05 * trials < wrong["without"]
