"""Sample-ratio mismatch: published numbers, agreement with scipy, its error rate, and what must hold always."""

from itertools import accumulate
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import chisquare, dirichlet_multinomial, multinomial

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.srm import (
    SrmStatus,
    log_marginal_ratio,
    srm_evidence,
    srm_fixed,
    srm_status,
)
from tests.fixtures.for_each import for_each

HALF = [0.5, 0.5]
plans = st.sampled_from([[0.5, 0.5], [0.9, 0.1], [0.4, 0.2, 0.4], [0.25, 0.25, 0.25, 0.25]])
walks = st.lists(st.integers(0, 1), min_size=1, max_size=60)


def log_e(result: EValue | NotEnough) -> float:
    assert isinstance(result, EValue)
    return result.log_e


def so_far(result: SrmStatus | NotEnough) -> SrmStatus:
    assert isinstance(result, SrmStatus)
    return result


@for_each(
    ("days", "shares", "strength", "p"),
    [
        ([(800, 200)], HALF, 10_000, 8.126155715401769e-08),
        ([(800, 200)], HALF, 100, 2.253273013435552e-75),
        ([(500, 500), (600, 400)], HALF, 10_000, 0.20685901461423034),
        ([(500, 500), (600, 400), (700, 300)], HALF, 10_000, 1.099173293697608e-06),
        ([(500, 500), (600, 400), (700, 300), (800, 200)], HALF, 10_000, 5.115536116778213e-23),
        ([(600, 200, 200)], [0.34, 0.33, 0.33], 10_000, 1.4343631225400445e-06),
    ],
)
def test_it_gives_the_numbers_of_growthbook(days, shares, strength, p) -> None:
    # GrowthBook, packages/back-end/test/ssrm.test.ts, whose reference is gbstats.ssrm.sequential_p_values
    evidence = srm_evidence(np.sum(days, axis=0).tolist(), shares, strength=strength)
    assert isinstance(evidence, EValue)
    assert evidence.p == pytest.approx(p, rel=1e-9)


def test_it_gives_the_numbers_of_optimizelys_ssrm() -> None:
    # Optimizely's ssrm-test 0.1.5, ssrm_test/test_ssrm_test.py, test_sequential_posteriors: log marginal likelihoods
    # M1 - M0
    units = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    days = np.array([[20, 17, 9], [18, 21, 8], [4, 6, 4], [18, 19, 11]])
    by_unit = [
        -1.0986122886681096 + 0.916290731874155,
        -2.4849066497880004 + 1.83258146374831,
        -3.401197381662155 + 2.748872195622465,
        -4.499809670330265 + 3.66516292749662,
        -6.4457198193855785 + 5.27460083993072,
    ]
    by_day = [
        -7.028201432058012 + 4.0776406466061985,
        -11.947847738358888 + 8.265946861099877,
        -15.471401950257842 + 11.610743519545139,
        -19.96484521090386 + 15.781031228536165,
    ]
    shares, prior = np.array([0.4, 0.4, 0.2]), np.ones(3)
    for rows, expected in ((units, by_unit), (days, by_day)):
        log_ratios = [log_marginal_ratio(counts, shares, prior) for counts in rows.cumsum(axis=0).astype(float)]
        assert log_ratios == pytest.approx(expected, abs=1e-9)


def test_the_fixed_test_gives_the_number_of_kohavi_tang_and_xu() -> None:
    # Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, chapter 21, scenario 1: p = 1.8E-6
    p = srm_fixed([821_588, 815_482], HALF)
    assert p == pytest.approx(1.8e-6, abs=5e-8)
    evidence = srm_evidence([821_588, 815_482], HALF)
    assert isinstance(evidence, EValue)
    assert evidence.rejects(0.01)
    assert not srm_evidence([818_535, 818_535], HALF).rejects(0.5)  # type: ignore[union-attr]


@given(st.lists(st.integers(40, 100_000), min_size=4, max_size=4), plans)
def test_the_fixed_test_agrees_with_scipy(counts: list[int], shares: list[float]) -> None:
    counts = counts[: len(shares)]
    expected = chisquare(counts, np.array(shares) * sum(counts)).pvalue
    assert srm_fixed(counts, shares) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.integers(0, 50_000), min_size=4, max_size=4), plans, st.sampled_from([2.0, 1000.0]))
def test_the_evidence_is_the_ratio_of_scipys_distributions(
    counts: list[int], shares: list[float], strength: float
) -> None:
    counts = counts[: len(shares)]
    n = sum(counts)
    if n == 0:
        return
    marginal = dirichlet_multinomial.logpmf(counts, strength * np.array(shares), n)
    expected = marginal - multinomial.logpmf(counts, n, shares)
    assert log_e(srm_evidence(counts, shares, strength=strength)) == pytest.approx(expected, abs=1e-5)


@given(walks, st.sampled_from([2.0, 50.0]))
def test_the_evidence_so_far_is_the_largest_of_all_looks(arms: list[int], strength: float) -> None:
    status = so_far(srm_status(arms, HALF, strength=strength, alpha=0.2))
    looks = [
        log_e(srm_evidence([arms[:n].count(0), arms[:n].count(1)], HALF, strength=strength))
        for n in range(1, len(arms) + 1)
    ]
    assert status.log_e == pytest.approx(max(0.0, *looks), abs=1e-9)
    assert status.counts == (arms.count(0), arms.count(1))
    crossed = [n for n, look in enumerate(looks, 1) if look >= log(5) - 1e-12]
    assert status.crossed_at == (crossed[0] if crossed else None)


@given(walks, walks)
def test_evidence_so_far_is_never_taken_back(arms: list[int], more: list[int]) -> None:
    before, after = (so_far(srm_status(walk, HALF, strength=5, alpha=0.3)) for walk in (arms, arms + more))
    assert after.log_e >= before.log_e
    assert not before.invalid or (after.invalid and after.crossed_at == before.crossed_at)


def test_a_planned_split_is_called_invalid_with_chance_alpha_at_most() -> None:
    rng, alarms = np.random.default_rng(11), 0
    for _ in range(400):
        status = so_far(srm_status((rng.random(3_000) < 0.2).astype(int), [0.8, 0.2], strength=100, alpha=0.1))
        alarms += status.invalid
    assert alarms / 400 <= 0.1


def test_a_split_of_52_to_48_is_found() -> None:
    rng = np.random.default_rng(12)
    statuses = [so_far(srm_status((rng.random(20_000) < 0.48).astype(int), HALF)) for _ in range(40)]
    assert sum(status.invalid for status in statuses) >= 38
    assert all(status.crossed_at < 20_000 for status in statuses if status.crossed_at)


@given(st.permutations([0, 1, 2]), st.lists(st.integers(0, 9_000), min_size=3, max_size=3))
def test_the_order_of_arms_does_not_matter(order: list[int], counts: list[int]) -> None:
    shares = [0.2, 0.3, 0.5]
    if sum(counts):
        moved = srm_evidence([counts[i] for i in order], [shares[i] for i in order])
        assert log_e(moved) == pytest.approx(log_e(srm_evidence(counts, shares)), abs=1e-8)


def test_a_million_units_are_one_pass() -> None:
    arms = (np.arange(1_000_000) % 100 < 49).astype(int)
    status = so_far(srm_status(arms, HALF))
    assert status.counts == (510_000, 490_000)
    assert status.crossed_at is not None
    assert status.p == exp(-status.log_e)
    assert list(accumulate(status.counts))[-1] == status.n


@pytest.mark.parametrize("shares", [[0.5], [0.5, 0.6], [1.0, 0.0], [0.3, 0.3, 0.4]])
def test_shares_are_those_of_the_arms(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="shares"):
        srm_evidence([5, 5], shares)


def test_what_is_no_count_and_no_arm_is_refused_and_nobody_is_no_evidence() -> None:
    assert isinstance(srm_evidence([0, 0], HALF), NotEnough)
    assert isinstance(srm_status([], HALF), NotEnough)
    assert isinstance(srm_fixed([4, 4], HALF), NotEnough)
    with pytest.raises(ValueError, match="counts"):
        srm_evidence([-1, 5], HALF)
    for wrong in ([2.5, 1], [float("nan"), 1], [float("inf"), 1], [-10, 100]):
        for ask in (srm_evidence, srm_fixed):
            with pytest.raises(ValueError, match="counts"):
                ask(wrong, HALF)  # type: ignore[operator]
    with pytest.raises(ValueError, match="strength"):
        srm_evidence([3, 4], HALF, strength=float("nan"))
    for alpha in (0, 1, 2):
        with pytest.raises(ValueError, match="alpha"):
            srm_status([0, 1], HALF, alpha=alpha)
    with pytest.raises(ValueError, match="arm"):
        srm_status([0, 2], HALF)
