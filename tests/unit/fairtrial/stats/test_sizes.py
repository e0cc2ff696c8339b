"""Sample sizes for a single look, against R's packages, statsmodels and the power that simulation finds."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from fairtrial.domain.estimates import Estimate
from fairtrial.stats.intervals import wilson
from fairtrial.stats.sizes import (
    cases_for_margin,
    size_of_means,
    size_of_means_not_worse,
    size_of_pairs,
    size_of_shares,
    size_of_shares_not_worse,
    votes,
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


def test_a_share_not_worse_is_that_of_trialsize() -> None:
    # R package TrialSize, TwoSampleProportion.NIS(0.025, 0.2, p1, 0.85, 1, p1 - 0.85, -0.10)
    for treatment, size in ((0.90, 75.87), (0.85, 200.15), (0.80, 902.62)):
        assert size_of_shares_not_worse(0.85, treatment, 0.10, alpha=0.025) / 2 == pytest.approx(size, abs=0.005)


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


def test_the_cases_for_a_margin_are_six_times_discordance_by_margin_squared() -> None:
    assert [cases_for_margin(0.10, margin) for margin in (0.05, 0.03, 0.02)] == [248, 687, 1546]


def test_votes_are_those_that_were_simulated() -> None:
    # Simulated before: 80 % power for a win rate of 55, 60 and 65 %, without ties and with 30 % of them
    assert [votes(rate) for rate in (0.55, 0.60, 0.65)] == [778, 189, 80]
    assert [votes(rate, ties=0.3) for rate in (0.55, 0.60, 0.65)] == [542, 130, 54]


def test_that_a_rare_event_is_not_more_frequent_takes_the_units_of_the_rule_of_three_or_so() -> None:
    # 0.01 % of errors: by their variance alone 34 units would show "not 1 point more", of which none is likely to err
    assert size_of_shares_not_worse(1 - 1e-4, 1 - 1e-4, 0.01) / 2 == pytest.approx(1.645**2 * 0.99 / 0.01, rel=1e-3)
    assert size_of_shares_not_worse(0.85, 0.85, 0.10, alpha=0.025) / 2 == pytest.approx(200.1, abs=0.1)
    bound = wilson(0, 268, level=0.9)
    assert isinstance(bound, Estimate)
    assert bound.high == pytest.approx(0.01, rel=1e-3)


def test_votes_are_never_fewer_than_can_show_anything() -> None:
    # five votes for the same model are p = 2/2⁵ = 0.0625, six 0.031
    assert [votes(rate) for rate in (1.0, 0.95, 0.0)] == [6, 6, 6]
    assert votes(0.9, ties=0.2) == 7


def test_so_many_votes_have_the_power() -> None:
    rng = np.random.default_rng(3)
    n = votes(0.60, ties=0.3)
    cast = rng.choice([0.0, 0.5, 1.0], p=[0.25, 0.30, 0.45], size=(20_000, n))
    z = (cast.mean(axis=1) - 0.5) / (cast.std(axis=1) / n**0.5)
    assert np.mean(z > 1.96) == pytest.approx(0.80, abs=0.015)


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
        lambda effect, alpha, expected: size_of_shares_not_worse(base, base, effect, alpha=alpha, power=expected),
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
        lambda: size_of_shares_not_worse(0.8, 0.6, 0.1),
        lambda: size_of_means(0.0, 1.0),
        lambda: size_of_means(0.1, float("inf")),
        lambda: size_of_pairs(0.1, 0.2),
        lambda: size_of_pairs(0.1, 0.05, sides=3),
        lambda: cases_for_margin(0.0, 0.05),
        lambda: cases_for_margin(0.1, 0.0),
        lambda: cases_for_margin(float("nan"), 0.05),
        lambda: cases_for_margin(0.1, 0.05, power=1.0),
        lambda: votes(0.5),
        lambda: votes(0.9, ties=0.5),
    ],
)
def test_an_effect_that_no_number_of_units_can_show_is_refused(call) -> None:
    with pytest.raises(ValueError, match=r"size|side |power|shown|possible|planned"):
        call()
