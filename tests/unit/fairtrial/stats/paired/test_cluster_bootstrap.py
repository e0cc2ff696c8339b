"""BCa over clusters against scipy, Efron & Tibshirani's spatial test, and what must hold of it for all cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.paired.bca import acceleration, bca_bounds
from fairtrial.stats.paired.cluster_bootstrap import paired_bootstrap, ratio_bootstrap, widened_level
from fairtrial.stats.paired.tango import tango

RNG = np.random.default_rng(23)
SPATIAL = [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41]
"""Test A of 26 neurologically impaired children, Efron & Tibshirani (1993), table 14.1."""


def estimate(found: Estimate | NotEnough) -> Estimate:
    assert isinstance(found, Estimate)
    return found


def test_the_variance_of_the_spatial_test_has_the_interval_of_the_book() -> None:
    # Efron & Tibshirani (1993), chapter 14: the variance 171.5, acceleration 0.061, BCa at 90 % 115.8 to 259.6 from
    # 2,000 resamples, whose own error is some units at the upper end.
    values = np.array(SPATIAL, dtype=float)
    drawn = RNG.choice(values, (20_000, 26)).var(axis=1)
    left_out = np.array([np.delete(values, i).var() for i in range(26)])
    assert values.var() == pytest.approx(171.5, abs=0.05)
    assert acceleration(left_out) == pytest.approx(0.061, abs=5e-4)
    low, high = bca_bounds(drawn, float(values.var()), left_out, level=0.90)
    assert low == pytest.approx(115.8, abs=2) and high == pytest.approx(259.6, abs=5)


def test_the_same_resamples_have_the_bounds_of_scipy() -> None:
    values = RNG.exponential(1, 40)
    reference = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=5000, rng=np.random.default_rng(2))
    left_out = (values.sum() - values) / 39
    low, high = bca_bounds(reference.bootstrap_distribution, float(values.mean()), left_out)
    interval = reference.confidence_interval
    assert (low, high) == pytest.approx((interval.low, interval.high), rel=1e-3)


def test_cases_that_stand_alone_agree_with_the_paired_bootstrap_of_scipy() -> None:
    new, old = RNG.exponential(1.2, 60), RNG.exponential(1.0, 60)
    reference = stats.bootstrap(
        (new, old),
        lambda a, b, axis: (a - b).mean(axis=axis),
        paired=True,
        vectorized=True,
        method="BCa",
        n_resamples=10_000,
        confidence_level=widened_level(0.95, 60),
        rng=np.random.default_rng(3),
    ).confidence_interval
    found = estimate(paired_bootstrap(new - old))
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.02)


def test_a_ratio_agrees_with_scipy() -> None:
    top, bottom = RNG.poisson(3, 50).astype(float), RNG.poisson(6, 50) + 1.0
    reference = stats.bootstrap(
        (top, bottom),
        lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis),
        paired=True,
        vectorized=True,
        method="BCa",
        n_resamples=10_000,
        confidence_level=widened_level(0.95, 50),
        rng=np.random.default_rng(4),
    ).confidence_interval
    found = estimate(ratio_bootstrap(top, bottom))
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.006)


def test_the_level_is_that_of_a_t_interval_with_the_whole_variance() -> None:
    values = RNG.normal(0, 1, 12)
    half = stats.norm.ppf(0.5 + widened_level(0.90, 12) / 2) * values.std() / 12**0.5
    assert half == pytest.approx(stats.t.ppf(0.95, 11) * values.std(ddof=1) / 12**0.5)


def test_clusters_of_different_sizes_are_ratios_of_their_sums() -> None:
    values, clusters = RNG.normal(0.2, 1, 90), [str(int(i**0.5)) for i in range(90)]
    sums = np.bincount([int(c) for c in clusters], weights=values)
    sizes = np.bincount([int(c) for c in clusters]).astype(float)
    found, ratio = estimate(paired_bootstrap(values, clusters)), estimate(ratio_bootstrap(sums, sizes))
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((ratio.low, ratio.high), abs=0.02)
    assert found.method == "mean difference, BCa bootstrap of 10,000 over clusters"


def test_clusters_that_move_together_widen_the_interval() -> None:
    values, clusters = np.repeat(RNG.normal(0, 1, 25), 4), [str(i // 4) for i in range(100)]
    alone, together = estimate(paired_bootstrap(values)), estimate(paired_bootstrap(values, clusters))
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_resamples_that_all_agree_leave_room_for_a_case_that_was_not_seen() -> None:
    found, reference = estimate(paired_bootstrap(np.zeros(12), span=1.0, level=0.9)), estimate(tango(0, 0, 12))
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high))
    same = estimate(paired_bootstrap(np.full(12, -0.1)))
    assert same.low < -0.1 < same.high < 0
    assert same.value == pytest.approx(-0.1)
    assert isinstance(paired_bootstrap(np.zeros(12)), NotEnough)


def test_what_can_not_be_resampled_is_not_enough() -> None:
    assert isinstance(paired_bootstrap(np.arange(7.0)), NotEnough)
    assert isinstance(paired_bootstrap(np.empty(0)), NotEnough)
    assert isinstance(paired_bootstrap(np.arange(40.0), ["one", "two"] * 20), NotEnough)
    assert isinstance(ratio_bootstrap(np.arange(9.0), np.zeros(9)), NotEnough)
    assert isinstance(ratio_bootstrap(np.arange(9.0), np.array([1.0, *[0.0] * 8])), NotEnough)
    with pytest.raises(ValueError, match="bottom must be 0 or more"):
        ratio_bootstrap(np.arange(9.0), np.full(9, -1.0))
    with pytest.raises(ValueError, match="no resample"):
        bca_bounds(np.empty(0), 0.0, np.arange(3.0))


def test_a_point_beyond_all_resamples_has_bounds_among_them() -> None:
    low, high = bca_bounds(np.linspace(0, 1, 100), 2.0, np.array([0.0, 0, 0, 0, 0, 5]))
    assert 0 <= low <= high <= 1
    assert acceleration(np.full(9, 0.1)) == 0


CASES = st.lists(st.integers(-4, 4).map(float), min_size=8, max_size=40).filter(lambda cases: len(set(cases)) > 2)


@settings(max_examples=20)
@given(CASES, st.randoms(use_true_random=False))
def test_neither_order_nor_names_matter(cases: list[float], random) -> None:
    clusters = [str(i // 2) for i in range(2 * len(cases))]
    values = np.repeat(cases, 2)
    order = list(range(len(values)))
    random.shuffle(order)
    renamed = [f"x{31 * int(clusters[i]) % 97}" for i in order]
    assert paired_bootstrap(values, clusters) == paired_bootstrap(values[order], renamed)
    alone = np.array(cases)
    assert paired_bootstrap(alone) == paired_bootstrap(np.sort(alone))


@settings(max_examples=20)
@given(CASES)
def test_swapping_the_sides_mirrors_the_interval(cases: list[float]) -> None:
    values = np.array(cases)
    if values.sum() == 0 and (values**3).sum() == 0 and (values**5).sum() == 0:
        return
    one, other = estimate(paired_bootstrap(values)), estimate(paired_bootstrap(-values))
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low), abs=1e-9)


@settings(max_examples=20)
@given(CASES)
def test_more_clusters_narrow_it_and_a_higher_level_widens_it(cases: list[float]) -> None:
    few, many = np.array(cases), np.tile(cases, 4)
    found = estimate(paired_bootstrap(few))
    wide, narrow = estimate(paired_bootstrap(few, level=0.99)), estimate(paired_bootstrap(many))
    assert narrow.high - narrow.low < found.high - found.low
    assert wide.low <= found.low <= found.high <= wide.high
