"""The normal mixture: published numbers, its error rate, and what must hold for all effects."""

from dataclasses import replace
from math import exp, inf, isfinite, log, sqrt

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import (
    always_valid,
    at_least,
    at_most,
    evidence,
    evidence_above,
    half_width,
    one_sided_half_width,
)
from fairtrial.stats.e_values import EValue
from fairtrial.stats.effects import Effect, fixed, too_few
from tests.fixtures.for_each import for_each

values = st.floats(-3, 3).map(lambda value: round(value, 6))
variances = st.floats(1e-6, 2)
taus = st.floats(0.01, 3)
alphas = st.sampled_from([0.01, 0.05, 0.2])
unseen = st.tuples(st.floats(0, 1), st.floats(0, 1))


def effect(value: float, variance: float) -> Effect:
    return Effect(value, variance, 500, "difference")


def estimate(result: Estimate | NotEnough) -> Estimate:
    assert isinstance(result, Estimate)
    return result


def log_e(result: EValue | NotEnough) -> float:
    assert isinstance(result, EValue)
    return result.log_e


def of_sum(total: float, variance: float) -> Effect:
    """A sum with its variance, as confseq has it, as the mean that this library has: S/V with variance 1/V."""
    return effect(total / variance, 1 / variance)


def test_it_gives_the_numbers_of_confseq() -> None:
    # confseq, test/uniform_boundaries_test.cpp, TestTwoSidedNormalMixture: best rho for v = 100 is 12.60056, the log
    # mixture at s = 10 is -0.6510052, the bound 30.35209; rho = 1/tau^2
    tau = 1 / sqrt(12.60056)
    assert log_e(evidence(of_sum(10, 100), tau=tau)) == pytest.approx(-0.6510052, abs=1e-6)
    assert 100 * half_width(1 / 100, tau=tau, alpha=0.05) == pytest.approx(30.35209, abs=1e-5)


def test_the_one_sided_bound_is_just_above_the_exact_one_of_confseq() -> None:
    # the same file, TestOneSidedNormalMixture: 27.66071 at v = 100 for the rho that is best one-sided; that one is
    # found by iteration, the closed form is within half a per cent and never below
    rho = 100 / (2 * log(10) + log(1 + 2 * log(10)))
    closed = 100 * one_sided_half_width(1 / 100, tau=1 / sqrt(rho), alpha=0.05)
    assert 27.66071 < closed < 1.006 * 27.66071


@pytest.mark.parametrize(("n", "variance", "alpha", "tuning"), [(2_000, 1.3, 0.05, 5_000), (50, 0.2, 0.01, 300)])
def test_it_is_the_interval_of_growthbook(n: int, variance: float, alpha: float, tuning: float) -> None:
    # gbstats/frequentist/tests.py: equations 9 and 161 of Waudby-Smith et al., with n rho^2 = tau^2 / V
    rho = sqrt((-2 * log(alpha) + log(-2 * log(alpha) + 1)) / tuning)
    theirs = sqrt(variance) * sqrt(2 * (n * rho**2 + 1) * log(sqrt(n * rho**2 + 1) / alpha) / (n * rho) ** 2)
    assert half_width(variance / n, tau=rho * sqrt(variance), alpha=alpha) == pytest.approx(theirs, rel=1e-12)


@given(st.floats(-1, 1), st.floats(0.01, 0.5), st.floats(0.05, 1))
def test_the_evidence_is_the_integral_over_the_mixture(value: float, variance: float, tau: float) -> None:
    def weighted(delta: float) -> float:
        likelihood = (2 * value * delta - delta**2) / (2 * variance)
        return float(norm.pdf(delta, scale=tau)) * exp(likelihood)

    expected, _ = quad(weighted, -9 * tau, 9 * tau, limit=200)
    assert log_e(evidence(effect(value, variance), tau=tau)) == pytest.approx(log(expected), abs=1e-5)


@given(values, variances, taus, alphas, unseen)
def test_evidence_reaches_its_limit_just_where_the_interval_excludes_the_null(
    value: float, variance: float, tau: float, alpha: float, far: tuple[float, float]
) -> None:
    known = replace(effect(value, variance), unseen=far)
    both = estimate(always_valid(known, tau=tau, level=1 - alpha))
    interval = estimate(at_least(known, tau=tau, alpha=alpha))
    two_sided = log_e(evidence(known, tau=tau)) + log(alpha)
    one_sided = log_e(evidence_above(known, tau=tau)) + log(alpha)
    if abs(two_sided) > 1e-9:
        assert (two_sided > 0) == (not both.low < 0 < both.high)
    if abs(one_sided) > 1e-9:
        assert (one_sided > 0) == (interval.low > 0)


@given(values, variances, taus, alphas, unseen)
def test_swapping_the_arms_mirrors_everything(
    value: float, variance: float, tau: float, alpha: float, far: tuple[float, float]
) -> None:
    straight = replace(effect(value, variance), unseen=far)
    mirrored = replace(effect(-value, variance), unseen=far[::-1])
    here, there = (estimate(always_valid(difference, tau=tau, level=1 - alpha)) for difference in (straight, mirrored))
    assert (here.low, here.high) == (-there.high, -there.low)
    assert estimate(at_least(straight, tau=tau)).low == -estimate(at_most(mirrored, tau=tau)).high
    assert evidence(straight, tau=tau) == evidence(mirrored, tau=tau)


@given(values, variances, taus, alphas)
def test_an_interval_for_all_looks_is_wider_than_one_for_one_look(
    value: float, variance: float, tau: float, alpha: float
) -> None:
    always = estimate(always_valid(effect(value, variance), tau=tau, level=1 - alpha))
    once = estimate(fixed(effect(value, variance), level=1 - alpha))
    assert always.low < once.low < once.high < always.high


@given(values, variances, taus)
def test_a_higher_level_is_wider_and_one_side_is_nearer_than_both(value: float, variance: float, tau: float) -> None:
    intervals = [estimate(always_valid(effect(value, variance), tau=tau, level=level)) for level in (0.8, 0.95, 0.99)]
    assert [interval.low for interval in intervals] == sorted((interval.low for interval in intervals), reverse=True)
    one_sided = [one_sided_half_width(variance, tau=tau, alpha=alpha) for alpha in (0.2, 0.05, 0.01)]
    assert one_sided == sorted(one_sided)
    for alpha, width in zip((0.2, 0.05, 0.01), one_sided, strict=True):
        assert width < half_width(variance, tau=tau, alpha=alpha)


@given(variances, taus, alphas, st.floats(1.1, 100))
def test_more_data_narrow_both_intervals(variance: float, tau: float, alpha: float, times: float) -> None:
    assert half_width(variance / times, tau=tau, alpha=alpha) < half_width(variance, tau=tau, alpha=alpha)
    closer = one_sided_half_width(variance / times, tau=tau, alpha=alpha)
    assert closer < one_sided_half_width(variance, tau=tau, alpha=alpha)


@given(values, variances, taus)
def test_evidence_for_an_increase_grows_with_the_effect(value: float, variance: float, tau: float) -> None:
    smaller, larger = (log_e(evidence_above(effect(v, variance), tau=tau)) for v in (value, value + 0.1))
    assert smaller <= larger
    shifted = evidence_above(effect(value + 0.5, variance), tau=tau, null=0.5)
    assert log_e(shifted) == pytest.approx(log_e(evidence_above(effect(value, variance), tau=tau)), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
def test_the_interval_is_narrowest_where_tau_squared_over_the_variance_is_that_of_the_papers(alpha: float) -> None:
    # Waudby-Smith et al. (2024): tau^2 / V = -2 ln alpha + ln(1 - 2 ln alpha) minimises, up to their approximation
    best = sqrt(-2 * log(alpha) + log(1 - 2 * log(alpha)))
    widths = {tau: half_width(1.0, tau=tau, alpha=alpha) for tau in (*np.linspace(0.3, 3, 400) * best, best)}
    assert widths[best] <= 1.0005 * min(widths.values())


def test_a_walk_without_an_effect_leaves_the_interval_with_chance_alpha_at_most() -> None:
    rng = np.random.default_rng(8)
    n = np.arange(1, 2_001)
    means = rng.normal(size=(2_000, 2_000)).cumsum(axis=1) / n
    two = np.array([half_width(1 / k, tau=0.1, alpha=0.05) for k in n])
    first = np.array([one_sided_half_width(1 / k, tau=0.1, alpha=0.05) for k in n])
    assert 0.005 < (np.abs(means) > two).any(axis=1).mean() <= 0.05
    assert 0.005 < (means > first).any(axis=1).mean() <= 0.05


def test_what_is_missing_passes_through_and_is_reported_first() -> None:
    nothing = NotEnough("nothing", "something")
    early = Effect(5.0, 0.1, 12, "difference", not_yet=too_few(6, 6))
    for close in (always_valid, at_least, at_most, evidence, evidence_above):
        assert close(nothing, tau=0.1) is nothing
        assert close(early, tau=0.1) == early.not_yet
        assert isinstance(close(effect(0.2, 0.0), tau=0.1), NotEnough)


@for_each("tau", [0.0, -0.1, float("nan"), inf, 1e-200])
def test_a_tau_that_is_not_a_spread_of_effects_is_refused(tau: float) -> None:
    for close in (always_valid, at_least, at_most, evidence, evidence_above):
        with pytest.raises(ValueError, match="tau"):
            close(effect(0.2, 0.1), tau=tau)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 5.0, -0.1])
def test_a_chance_to_err_is_a_chance(alpha: float) -> None:
    for bound in (at_least, at_most):
        with pytest.raises(ValueError, match="alpha"):
            bound(effect(0.2, 0.1), tau=0.1, alpha=alpha)
    with pytest.raises(ValueError, match="level"):
        always_valid(effect(0.2, 0.1), tau=0.1, level=1 + abs(alpha))
    for ask in (evidence, evidence_above):
        with pytest.raises(ValueError, match="null"):
            ask(effect(0.2, 0.1), tau=0.1, null=inf)


def test_no_interval_goes_beyond_what_the_effect_can_be() -> None:
    share = Effect(0.9, 0.04, 500, "share", within=(0.0, 1.0))
    both = estimate(always_valid(share, tau=0.1))
    assert (both.low, both.high) == (0, 1)
    assert estimate(at_least(share, tau=0.1)).low == 0
    assert estimate(at_most(share, tau=0.1)).high == 1
    assert estimate(fixed(share)).high == 1


@given(values, variances, taus)
def test_no_evidence_overflows(value: float, variance: float, tau: float) -> None:
    assert isfinite(log_e(evidence(effect(1e4 * value, variance * 1e-6), tau=tau)))
    assert log_e(evidence_above(effect(-1.0, variance), tau=tau)) == -inf
    assert log_e(evidence_above(effect(1e-60, variance), tau=tau)) < -100
