"""Sample sizes for a single look, against R's packages, statsmodels and the power that simulation finds."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from fairtrial.domain.estimates import Estimate
from fairtrial.stats.intervals import wilson
from fairtrial.stats.sizes import (
    size_of_means,
    size_of_means_not_worse,
    size_of_pairs,
    size_of_shares,
    units_without_event,
)
from tests.fixtures.for_each import for_each

share = st.floats(0.02, 0.98)
split = st.floats(0.05, 0.95)
power = st.floats(0.5, 0.99)


def test_two_shares_are_those_of_r() -> None:
    # R 4, ?power.prop.test, example: power.prop.test(p1 = .50, p2 = .75, power = .90) gives n = 76.7
    assert size_of_shares(0.50, 0.75, power=0.90) / 2 == pytest.approx(76.7, abs=0.05)
    # and its formula for 10 % against 11 % at 80 %: 14,751 when rounded up
    assert np.ceil(size_of_shares(0.10, 0.11) / 2) == 14_751


@given(share, share, split, power)
def test_two_shares_agree_with_statsmodels_at_any_split(p1: float, p2: float, treated: float, expected: float) -> None:
    if abs(p1 - p2) < 0.01:
        return
    ratio = treated / (1 - treated)  # treatment per control; statsmodels' nobs1 is of the first, here the treatment
    reference = samplesize_proportions_2indep_onetail(
        p2 - p1, p1, expected, ratio=1 / ratio, alpha=0.025, alternative="larger" if p2 > p1 else "smaller"
    )
    assert size_of_shares(p1, p2, power=expected, share=treated) * treated == pytest.approx(reference, rel=1e-6)


def test_two_means_are_those_of_r() -> None:
    # R 4, ?power.t.test, example: power.t.test(power = .90, delta = 1) gives n = 22.02110
    assert size_of_means(1.0, 1.0, power=0.90) / 2 == pytest.approx(22.02110, abs=1e-4)


def test_a_mean_not_worse_is_near_the_normal_size_of_chow_shao_and_wang() -> None:
    # Chow, Shao & Wang, example 3.2.4 (TrialSize documentation: 50): sd 0.1, margin 0.05, one-sided 5 %, 80 %
    assert size_of_means_not_worse(0.05, 0.1) / 2 == pytest.approx(50, abs=0.5)


@for_each("treated", [0.5, 0.1, 0.8])
@for_each("effect", [0.05, 0.3, 1.2])
@for_each("power", [0.5, 0.8, 0.95])
def test_two_means_agree_with_statsmodels_at_any_split(treated: float, effect: float, power: float) -> None:
    test = TTestIndPower()
    ratio = treated / (1 - treated)
    units = size_of_means(effect * 3, 3.0, power=power, share=treated) * (1 - treated)
    assert units == pytest.approx(test.solve_power(effect, power=power, alpha=0.05, ratio=ratio), rel=1e-5)
    units = size_of_means_not_worse(effect, 1.0, power=power, share=treated) * (1 - treated)
    reference = test.solve_power(effect, power=power, alpha=0.05, ratio=ratio, alternative="larger")
    assert units == pytest.approx(reference, rel=1e-5)


def test_pairs_are_those_of_mess() -> None:
    # R package MESS, tests/testthat/testpowermcnemar.R: power_mcnemar_test(paid=0.05, psi=45/5, power=.8): 22, and 17
    assert round(size_of_pairs(0.50, 0.40)) == 22
    assert round(size_of_pairs(0.50, 0.40, sides=1)) == 17


def test_units_without_an_event_show_a_rate_by_wilsons_bound() -> None:
    units = units_without_event(0.01, alpha=0.05)
    bound = wilson(0, round(units), level=0.9)
    assert isinstance(bound, Estimate)
    assert (units, bound.high) == pytest.approx((1.645**2 * 0.99 / 0.01, 0.01), rel=1e-3)


@pytest.mark.parametrize(("treated", "each"), [(0.5, 14_751), (0.1, 8_080), (0.9, 83_020)])
def test_so_many_units_have_the_power_at_any_split(treated: float, each: int) -> None:
    rng = np.random.default_rng(4)
    n = size_of_shares(0.10, 0.11, share=treated)
    b, a = round(n * treated), round(n * (1 - treated))
    assert b if treated != 0.5 else a == pytest.approx(each, rel=0.002)
    won, remaining = rng.binomial(b, 0.11, 20_000) / b, rng.binomial(a, 0.10, 20_000) / a
    pooled = (won * b + remaining * a) / (a + b)
    z = (won - remaining) / np.sqrt(pooled * (1 - pooled) * (1 / a + 1 / b))
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.80, abs=0.012)


def test_an_uneven_split_costs_less_than_the_largest_share_would_suggest() -> None:
    each = size_of_shares(0.10, 0.11) / 2
    assert size_of_shares(0.10, 0.11, share=0.9) / each == pytest.approx(5.63, abs=0.01)
    assert size_of_shares(0.10, 0.11, share=0.1) / each == pytest.approx(5.48, abs=0.01)


@given(share, share, split, power)
def test_swapping_arms_and_split_or_success_and_failure_changes_nothing(
    p1: float, p2: float, treated: float, expected: float
) -> None:
    if abs(p1 - p2) < 1e-3:
        return
    size = size_of_shares(p1, p2, power=expected, share=treated)
    assert size_of_shares(p2, p1, power=expected, share=1 - treated) == pytest.approx(size)
    assert size_of_shares(1 - p1, 1 - p2, power=expected, share=treated) == pytest.approx(size)
    assert size_of_means(0.3, 1, power=expected, share=treated) == pytest.approx(
        size_of_means(0.3, 1, power=expected, share=1 - treated)
    )


@given(st.floats(0.1, 0.4), st.floats(0.02, 0.2), power, st.floats(0.001, 0.2), st.floats(1.05, 2))
def test_sizes_fall_with_the_effect_and_with_alpha_and_rise_with_power(
    base: float, effect: float, expected: float, alpha: float, more: float
) -> None:
    for size in (
        lambda effect, alpha, expected: size_of_shares(base, base + effect, alpha=alpha, power=expected),
        lambda effect, alpha, expected: size_of_means(effect, 1.0, alpha=alpha, power=expected),
        lambda effect, alpha, expected: size_of_means_not_worse(effect, 1.0, alpha=alpha, power=expected),
        lambda effect, alpha, expected: size_of_pairs(0.5, effect, alpha=alpha, power=expected),
    ):
        here = size(effect, alpha, expected)
        assert size(effect * more, alpha, expected) < here or here == 3
        assert size(effect, alpha * more, expected) < here or here == 3
        assert size(effect, alpha, expected + (1 - expected) / 3) > here or here == 3


@for_each("effect", [3.0, 20.0])
@for_each("alpha", [1e-4, 0.3])
@for_each("power", [0.5, 0.999])
def test_an_effect_that_a_handful_of_units_show_has_a_size_too(effect: float, alpha: float, power: float) -> None:
    assert 3 <= size_of_means(effect, 1.0, alpha=alpha, power=power) < 40


@given(split)
def test_halves_need_the_fewest_units_of_a_mean(treated: float) -> None:
    assert size_of_means(0.2, 1.0, share=treated) >= size_of_means(0.2, 1.0) - 1e-6


@for_each(
    "call",
    [
        lambda: size_of_shares(0.1, 0.1),
        lambda: size_of_shares(0.0, 0.1),
        lambda: size_of_shares(0.1, 0.2, power=0.01),
        lambda: size_of_shares(0.1, 0.2, share=1.0),
        lambda: size_of_means(0.0, 1.0),
        lambda: size_of_means(0.1, float("inf")),
        lambda: size_of_pairs(0.1, 0.2),
        lambda: size_of_pairs(0.1, 0.05, sides=3),
    ],
)
def test_an_effect_that_no_number_of_units_can_show_is_refused(call) -> None:
    with pytest.raises(ValueError, match=r"size|side |power|possible"):
        call()
