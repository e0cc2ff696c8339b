"""Relative lift: the logarithm of a ratio decides, per cent are shown."""

from math import exp, inf, log

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid, at_least
from fairtrial.stats.arms.lift import log_ratio, relative
from fairtrial.stats.arms.means import mean
from fairtrial.stats.arms.proportions import rate
from fairtrial.stats.arms.quantiles import QuantileSums, quantile_level
from fairtrial.stats.arms.ratios import ratio
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.sums import JointMoments, Moments, Successes

COUNTS = st.integers(2, 500).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n - 1)))
Counts = tuple[int, int]


def estimate(found: Estimate | NotEnough) -> Estimate:
    assert isinstance(found, Estimate)
    return found


def lift(control: Counts, treatment: Counts, level: float = 0.95) -> Estimate:
    return estimate(relative(fixed(log_ratio(rate(Successes(*control)), rate(Successes(*treatment))), level=level)))


def test_seven_and_one_in_34_give_the_numbers_of_fagerland() -> None:
    # Fagerland, Lydersen & Laake (2015), Stat. Methods Med. Res. 24:224-254, as quoted in statsmodels' tests of
    # confint_proportions_2indep: the ratio of 7/34 and 1/34 by the Katz log interval, 0.91 to 54
    found = lift((34, 1), (34, 7))
    assert found.value == pytest.approx(6)
    assert (round(1 + found.low, 2), round(1 + found.high)) == (0.91, 54)


@given(COUNTS, COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_rates_agree_with_statsmodels(control: Counts, treatment: Counts, level: float) -> None:
    (n, k), (m, j) = control, treatment
    reference = confint_proportions_2indep(j, m, k, n, compare="ratio", method="log", alpha=1 - level)
    found = lift(control, treatment, level)
    assert (1 + found.low, 1 + found.high) == pytest.approx(reference, rel=1e-9)


@given(COUNTS, COUNTS)
def test_swapping_the_arms_inverts_the_ratio(one: Counts, other: Counts) -> None:
    there, back = lift(one, other), lift(other, one)
    assert (1 + there.value) * (1 + back.value) == pytest.approx(1)
    assert (1 + there.low) * (1 + back.high) == pytest.approx(1)


@given(COUNTS, COUNTS, st.floats(0.001, 1000))
def test_the_unit_of_measurement_does_not_matter(one: Counts, other: Counts, by: float) -> None:
    levels = [Effect(k / n, 0.1 / n, n, "mean", n - 1) for n, k in (one, other)]
    scaled = [Effect(by * e.value, by**2 * e.variance, e.n, e.method, e.freedom) for e in levels]
    there, back = estimate(fixed(log_ratio(*levels))), estimate(fixed(log_ratio(*scaled)))
    assert (there.low, there.value, there.high) == pytest.approx((back.low, back.value, back.high), abs=1e-9)


def test_per_cent_decide_as_their_logarithm_does() -> None:
    levels = [mean(Moments.of(by * np.arange(1.0, 60.0)), within=(0, 100)) for by in (1.0, 1.4)]
    for close in (fixed, lambda e: always_valid(e, tau=0.2), lambda e: at_least(e, tau=0.2)):
        plain = estimate(close(log_ratio(*levels)))
        shown = estimate(relative(plain))
        assert (plain.low > 0) == (shown.low > 0)
        assert shown.always_valid == plain.always_valid
        assert (shown.low, shown.value) == pytest.approx((exp(plain.low) - 1, 0.4))
        assert shown.method == f"relative change, {plain.method}"


def test_a_look_so_early_that_it_bounds_nothing_says_so_and_overflows_nothing() -> None:
    found = estimate(relative(always_valid(log_ratio(*[rate(Successes(50, 10))] * 2), tau=0.0005)))
    assert (found.low, found.value, found.high) == (-1, 0, inf)


def test_means_ratios_and_quantiles_have_a_lift_too() -> None:
    rng = np.random.default_rng(7)
    pairs = [JointMoments.of(rng.poisson(4 * b, 80), np.full(80, 5)) for b in (1, 1.5)]
    tails = [QuantileSums.of(b * rng.gamma(4, 1, 800), None, 0.9) for b in (1, 1.5)]
    for found in (log_ratio(*(ratio(pair, within=(0, 10)) for pair in pairs)), log_ratio(*map(quantile_level, tails))):
        shown = estimate(relative(fixed(found)))
        assert 0 < shown.low < 0.5 < shown.high


def test_the_delta_method_is_right_about_the_spread_of_a_log_ratio() -> None:
    rng = np.random.default_rng(8)
    found = [
        log_ratio(mean(Moments.of(rng.exponential(2, 200))), mean(Moments.of(rng.exponential(3, 100))))
        for _ in range(1500)
    ]
    values = [e.value for e in found if isinstance(e, Effect)]
    variances = [e.variance for e in found if isinstance(e, Effect)]
    assert np.mean(values) == pytest.approx(log(1.5), abs=0.01)
    assert np.mean(variances) == pytest.approx(np.var(values), rel=0.12)


@given(st.floats(-5, 0), st.floats(0.1, 5))
def test_what_is_not_above_nothing_has_no_lift(poor: float, fine: float) -> None:
    assume(poor <= 0)
    low, high = (Effect(value, 1.0, 50, "mean", 49) for value in (poor, fine))
    for pair in [(low, high), (high, low)]:
        assert isinstance(log_ratio(*pair), NotEnough)
        assert isinstance(relative(fixed(log_ratio(*pair))), NotEnough)


def test_rare_events_and_few_units_wait() -> None:
    found = log_ratio(rate(Successes(1000, 9)), rate(Successes(1000, 50)))
    assert isinstance(always_valid(found, tau=0.2), NotEnough)
    assert isinstance(log_ratio(rate(Successes(1000, 0)), rate(Successes(1000, 50))), NotEnough)
    assert isinstance(log_ratio(NotEnough("a", "b"), rate(Successes(10, 5))), NotEnough)
