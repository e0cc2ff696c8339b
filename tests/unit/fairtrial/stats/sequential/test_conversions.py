"""Conversions: published and independent numbers, exact error rates, and what must hold for all counts."""

from collections.abc import Callable
from itertools import pairwise
from math import exp, inf, log

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import betaln, logit
from scipy.stats import beta, betabinom, binom

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.conversions import (
    _log_e,
    conversion_evidence,
    conversion_harm,
    conversion_lift,
    lift_at_least,
    lift_at_most,
)
from tests.fixtures.for_each import for_each

counts = st.integers(0, 3_000)
some = st.integers(1, 3_000)
shares = st.sampled_from([0.1, 0.5, 0.8])
lifts = st.sampled_from([0.05, 0.2, 1.0])


def log_e(result: EValue | NotEnough) -> float:
    assert isinstance(result, EValue)
    return result.log_e


def estimate(result: Estimate | NotEnough) -> Estimate:
    assert isinstance(result, Estimate)
    return result


def lift_of_strength(strength: float) -> float:
    """The lift whose prior at an even split is Beta(strength/2, strength/2)."""
    upper = 0.5 + (0.25 / (strength + 1)) ** 0.5
    return upper / (1 - upper) - 1


@pytest.mark.parametrize(
    ("control", "treatment", "strength", "p"),
    [
        (200, 800, 100, 2.253273013435552e-75),
        (200, 800, 10_000, 8.126155715401769e-8),
        (1_400, 2_600, 10_000, 5.115536116778213e-23),
    ],
)
def test_it_gives_the_numbers_of_growthbook(control: int, treatment: int, strength: float, p: float) -> None:
    # GrowthBook, packages/back-end/test/ssrm.test.ts: the test of a split is this one, with conversions for units
    evidence = conversion_evidence(control, treatment, lift=lift_of_strength(strength))
    assert isinstance(evidence, EValue)
    assert evidence.p == pytest.approx(p, rel=1e-6)


def test_the_mixture_gives_the_numbers_of_confseq() -> None:
    # confseq, test/uniform_boundaries_test.cpp, TestTwoSidedBetaBinomialMixture: s = 10, v = 100, v_opt = 100,
    # g = 0.2, h = 0.8; that is 135 of 625 against 0.2 under Beta(r / h, r / g), r = 12.60056 - g h
    r = 12.60056 - 0.16
    prior, null = (r / 0.8, r / 0.2), float(logit(0.2))
    assert _log_e(135, 490, prior=prior, null=null) == pytest.approx(-0.6941012, abs=1e-5)
    at_bound = 125 + 31.4308
    assert _log_e(at_bound, 625 - at_bound, prior=prior, null=null) == pytest.approx(log(20), abs=1e-4)


def test_the_prior_of_a_lift_has_the_strength_of_the_closed_form() -> None:
    # K = q (1 - q) / (theta - q)^2 - 1 = 440 for 10 % at an even split
    k = 440.0
    expected = betaln(k / 2 + 110, k / 2 + 60) - betaln(k / 2, k / 2) + 170 * log(2)
    assert log_e(conversion_evidence(60, 110, lift=0.1)) == pytest.approx(expected, abs=1e-9)


@given(counts, some, shares, lifts)
def test_the_evidence_is_the_ratio_of_scipys_distributions(k: int, rest: int, share: float, lift: float) -> None:
    theta = share * (1 + lift) / (share * (1 + lift) + 1 - share)
    strength = max(1.0, share * (1 - share) / (theta - share) ** 2 - 1)
    marginal = betabinom.logpmf(k, k + rest, strength * share, strength * (1 - share))
    expected = marginal - binom.logpmf(k, k + rest, share)
    assert log_e(conversion_evidence(rest, k, lift=lift, share=share)) == pytest.approx(expected, abs=1e-6)


def test_it_is_exact_for_ten_million_conversions() -> None:
    k, rest, a = 1_000_000, 1_003_000, 220.0
    predictive = np.log1p(np.arange(k) / a).sum() + np.log1p(np.arange(rest) / a).sum()
    expected = predictive - np.log1p(np.arange(k + rest) / (2 * a)).sum()
    assert log_e(conversion_evidence(rest, k, lift=0.1)) == pytest.approx(expected, abs=1e-5)
    assert log_e(conversion_evidence(5_000_000, 5_020_000, lift=0.1)) == pytest.approx(
        log_e(conversion_evidence(5_020_000, 5_000_000, lift=0.1)), abs=1e-6
    )


def test_a_tiny_lift_is_exact_and_no_evidence_out_of_rounding() -> None:
    # a prior of strength 4e12: 100 of 103 conversions must say next to nothing, by the sum of log(1 + i / a)
    lift, k, rest = 1e-6, 100, 3
    theta = (1 + lift) / (2 + lift)
    half = (0.25 / (theta - 0.5) ** 2 - 1) / 2
    expected = sum(np.log1p(np.arange(count) / half).sum() for count in (k, rest))
    expected -= np.log1p(np.arange(k + rest) / (2 * half)).sum()
    assert log_e(conversion_evidence(rest, k, lift=lift)) == pytest.approx(expected, abs=1e-12)
    assert abs(log_e(conversion_harm(rest, k, lift=lift))) < 1e-4


def test_evidence_is_a_plain_number_that_can_be_written_to_a_store() -> None:
    for result in (conversion_evidence(3, 5, lift=0.1), conversion_harm(3, 5, lift=0.1, share=0.2)):
        assert isinstance(result, EValue)
        assert type(result.log_e) is float


def chance_to_reject(evidence: Callable[[int, int], EValue | NotEnough], rate: float, *, alpha: float) -> float:
    """The exact chance to reach 1/alpha at any of the first 200 conversions, each treated with chance ``rate``."""
    alive, rejected = np.array([1.0]), 0.0
    for m in range(1, 201):
        alive = np.append(alive * (1 - rate), 0) + np.append(0, alive * rate)
        out = np.array([weight > 0 and log_e(evidence(m - k, k)) >= -log(alpha) for k, weight in enumerate(alive)])
        rejected += float(alive[out].sum())
        alive[out] = 0
    return rejected


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_the_chance_to_err_is_at_most_alpha_exactly(share: float) -> None:
    def two_sided(control: int, treatment: int) -> EValue | NotEnough:
        return conversion_evidence(control, treatment, lift=0.5, share=share)

    def one_sided(control: int, treatment: int) -> EValue | NotEnough:
        return conversion_harm(control, treatment, lift=0.5, share=share)

    assert 0.01 < chance_to_reject(two_sided, share, alpha=0.05) <= 0.05
    at_null = chance_to_reject(one_sided, share, alpha=0.05)
    assert 0.01 < at_null <= 0.05
    assert chance_to_reject(one_sided, 0.9 * share, alpha=0.05) < at_null


def test_the_interval_misses_the_true_lift_at_any_look_with_chance_alpha_at_most() -> None:
    # a lift of 0.5 at an even split makes 60 % of the conversions treated
    prior, null = (10.0, 10.0), float(logit(0.6))

    def against_the_truth(control: int, treatment: int) -> EValue:
        return EValue(_log_e(treatment, control, prior=prior, null=null), control + treatment, "example")

    def beyond_the_truth(control: int, treatment: int) -> EValue | NotEnough:
        return conversion_harm(control, treatment, lift=0.5, margin=0.5)

    assert 0.01 < chance_to_reject(against_the_truth, 0.6, alpha=0.05) <= 0.05
    assert 0.01 < chance_to_reject(beyond_the_truth, 0.6, alpha=0.05) <= 0.05
    assert chance_to_reject(beyond_the_truth, 0.5, alpha=0.05) < 0.01


@given(some, some, lifts)
def test_at_an_even_split_one_side_is_twice_the_posterior_mass_above_it(
    control: int, treatment: int, lift: float
) -> None:
    theta = (1 + lift) / (2 + lift)
    half = max(1.0, 0.25 / (theta - 0.5) ** 2 - 1) / 2
    above = beta.logsf(0.5, half + treatment, half + control)
    if above > -300:
        first, two = (log_e(f(control, treatment, lift=lift)) for f in (conversion_harm, conversion_evidence))
        assert first == pytest.approx(two + log(2) + above, abs=1e-6)


@given(counts, some, lifts)
def test_swapping_the_arms_changes_no_evidence(control: int, treatment: int, lift: float) -> None:
    straight, swapped = (
        log_e(conversion_evidence(*pair, lift=lift)) for pair in ((control, treatment), (treatment, control))
    )
    assert straight == pytest.approx(swapped, abs=1e-7)


@given(counts, some, shares, lifts)
def test_the_one_sided_evidence_rises_with_treatments_conversions(
    control: int, treatment: int, share: float, lift: float
) -> None:
    fewer, more = (
        log_e(conversion_harm(control + moved, treatment - moved, lift=lift, share=share)) for moved in (1, 0)
    )
    assert fewer < more


@given(some, some, shares, lifts)
def test_the_one_sided_evidence_is_nearly_twice_the_two_sided_where_treatment_has_far_more(
    control: int, treatment: int, share: float, lift: float
) -> None:
    first, two = (f(control, treatment, lift=lift, share=share) for f in (conversion_harm, conversion_evidence))
    assert log_e(first) - log_e(two) < log(2.6)  # the mass above q is about a half; the median is not quite the mean


@given(counts, some, shares)
def test_evidence_against_a_larger_margin_is_smaller_where_there_is_any(
    control: int, treatment: int, share: float
) -> None:
    log_evidence = [
        log_e(conversion_harm(control, treatment, lift=0.3, share=share, margin=margin))
        for margin in (-0.5, 0.0, 0.1, 0.5, 2.0)
    ]
    assert all(later < earlier for earlier, later in pairwise(log_evidence) if earlier > 0)


@given(counts, some, shares, lifts, st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_excludes_no_lift_just_where_the_evidence_rejects_it(
    treatment: int, control: int, share: float, lift: float, level: float
) -> None:
    interval = estimate(conversion_lift(control, treatment, lift=lift, share=share, level=level))
    evidence = log_e(conversion_evidence(control, treatment, lift=lift, share=share)) + log(1 - level)
    if abs(evidence) > 1e-6:
        assert (evidence > 0) == (not interval.low < 0 < interval.high)
    assert -1 <= interval.low <= interval.value <= interval.high


@given(counts, some, shares, lifts)
def test_the_interval_of_a_higher_level_is_wider_and_more_conversions_narrow_it(
    treatment: int, control: int, share: float, lift: float
) -> None:
    narrow = estimate(conversion_lift(control, treatment, lift=lift, share=share, level=0.9))
    wide = estimate(conversion_lift(control, treatment, lift=lift, share=share, level=0.99))
    more = estimate(conversion_lift(16 * control, 16 * treatment, lift=lift, share=share, level=0.99))
    assert wide.low <= narrow.low
    assert narrow.high < wide.high or narrow.high == inf
    assert more.high < wide.high or wide.high == inf


@given(counts, some, shares, st.sampled_from([0.01, 0.05]))
def test_a_one_sided_bound_is_the_margin_that_is_just_rejected(
    treatment: int, control: int, share: float, alpha: float
) -> None:
    low = estimate(lift_at_least(control, treatment, lift=0.3, share=share, alpha=alpha)).low
    high = estimate(lift_at_most(control, treatment, lift=0.3, share=share, alpha=alpha)).high
    if low > -0.999:
        log_evidence = log_e(conversion_harm(control, treatment, lift=0.3, share=share, margin=low))
        assert log_evidence == pytest.approx(-log(alpha), abs=1e-4)
    if -0.999 < high < inf:
        mirrored = 1 / (1 + high) - 1
        log_evidence = log_e(conversion_harm(treatment, control, lift=0.3, share=1 - share, margin=mirrored))
        assert log_evidence == pytest.approx(-log(alpha), abs=1e-4)
    assert low < high


def test_the_lift_is_compared_with_the_split() -> None:
    # nine in ten units are treated: 900 to 100 is no lift at all
    interval = estimate(conversion_lift(100, 900, lift=0.2, share=0.9))
    assert interval.value == pytest.approx(0)
    assert interval.low < 0 < interval.high


def test_there_is_no_answer_without_data() -> None:
    assert isinstance(conversion_evidence(0, 0, lift=0.1), NotEnough)
    assert isinstance(conversion_harm(0, 0, lift=0.1), NotEnough)
    assert isinstance(conversion_lift(0, 9, lift=0.1), NotEnough)
    assert isinstance(lift_at_least(0, 9, lift=0.1), NotEnough)
    assert isinstance(lift_at_most(0, 0, lift=0.1), NotEnough)
    assert estimate(conversion_lift(9, 0, lift=0.1)).low == -1


def test_far_more_in_control_is_no_evidence_of_harm_and_no_overflow() -> None:
    log_evidence = log_e(conversion_harm(1_000_000, 10, lift=0.1))
    assert -20 < log_evidence < 0
    assert exp(log_evidence) > 0


@for_each(
    "wrong", [{"lift": 0.0}, {"lift": inf}, {"lift": 1e-9}, {"lift": 0.1, "share": 1.0}, {"lift": 0.1, "share": 0.0}]
)
def test_invalid_arguments_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"share|lift"):
        conversion_evidence(1, 2, **wrong)
    with pytest.raises(ValueError, match="margin"):
        conversion_harm(1, 2, lift=0.1, margin=-1)
    with pytest.raises(ValueError, match="margin"):
        conversion_harm(1, 2, lift=0.1, margin=inf)
    with pytest.raises(ValueError, match="conversions"):
        conversion_lift(-1, 2, lift=0.1)
    with pytest.raises(ValueError, match="level"):
        conversion_lift(1, 2, lift=0.1, level=1)
    for bound in (lift_at_least, lift_at_most):
        with pytest.raises(ValueError, match="alpha"):
            bound(1, 2, lift=0.1, alpha=0.6)
