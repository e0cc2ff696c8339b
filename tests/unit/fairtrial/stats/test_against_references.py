"""Intervals, tests and sample sizes against scipy, statsmodels and published numbers."""

import gc
from collections.abc import Iterator

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats import intervals
from fairtrial.stats.e_values import holm
from fairtrial.stats.effects import fixed
from fairtrial.stats.intervals import tango, wilson
from fairtrial.stats.paired import paired_tests
from fairtrial.stats.paired.clustered import clustered_effect, sign_flip
from fairtrial.stats.paired.resampling import bootstrap_corpus

RNG = np.random.default_rng(5)


@pytest.fixture(scope="module", autouse=True)
def cheap_collections() -> Iterator[None]:
    """statsmodels' `multipletests` collects all garbage at every call, which takes long beside many other tests."""
    gc.freeze()
    yield
    gc.unfreeze()


def bounds(result: Estimate | NotEnough) -> tuple[float, float]:
    assert isinstance(result, Estimate)
    return result.low, result.high


@given(st.integers(1, 500), st.floats(0, 1))
def test_wilson_agrees_with_statsmodels(n: int, share: float) -> None:
    k = round(n * share)
    assert bounds(wilson(k, n)) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-9)


def test_wilson_gives_the_numbers_of_newcombe() -> None:
    # Newcombe (1998), Statistics in Medicine 17:857-872, table I: 81/263, 15/148, 0/20, 1/29
    for k, n, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        assert bounds(wilson(k, n)) == pytest.approx((low, high), abs=6e-5)


def test_no_case_is_not_a_proportion_of_zero() -> None:
    assert isinstance(wilson(0, 0), NotEnough)
    for wrong in ((5, 3), (-1, 3), (0, -3)):
        with pytest.raises(ValueError, match="among"):
            wilson(*wrong)


@given(st.integers(0, 80), st.integers(0, 80))
def test_mcnemar_agrees_with_the_binomial_test(won: int, lost: int) -> None:
    p_value = paired_tests.exact(won, lost)
    if won + lost == 0:
        assert isinstance(p_value, NotEnough)
        assert isinstance(paired_tests.mid_p(won, lost), NotEnough)
        return
    assert p_value == pytest.approx(reference_mcnemar([[0, won], [lost, 0]], exact=True).pvalue)


def test_mid_p_gives_the_number_of_fagerland() -> None:
    # Fagerland, Lydersen & Laake (2013), table 1: 1 and 7 discordant; exact 0.0703, mid-p 0.0391
    assert paired_tests.exact(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert paired_tests.mid_p(1, 7) == pytest.approx(0.0391, abs=5e-5)


def test_mcnemar_gives_the_numbers_of_the_presidents_approval() -> None:
    # Agresti (1990), p. 350: 150 and 86 changed their minds; R's binom.test(86, 236) and exact2x2::mcnemar.exact
    assert paired_tests.exact(86, 150) == pytest.approx(3.716e-05, abs=5e-9)


def test_mcnemar_gives_the_numbers_of_contingencytables() -> None:
    # R package contingencytables of Fagerland, Lydersen & Laake, test-ch8.R: Cavo et al. (2012), 6 and 16 discordant
    assert paired_tests.exact(6, 16) == pytest.approx(0.052479, abs=5e-7)
    assert paired_tests.mid_p(6, 16) == pytest.approx(0.034690, abs=5e-7)


@pytest.mark.parametrize("n", [1, 7, 40, 999, 100_000])
@pytest.mark.parametrize("share", [1e-4, 0.45, 0.5, 0.93, 1.0])
def test_binomial_tails_agree_with_scipy(n: int, share: float) -> None:
    for successes in {0, 1, n // 3, n // 2, int(n * share), n}:
        tail, point = stats.binom.sf(successes - 1, n, share), stats.binom.pmf(successes, n, share)
        assert intervals.at_least(successes, n, share) == pytest.approx(tail, rel=1e-9, abs=1e-300)
        if 0 < share < 1:
            assert intervals.exactly(successes, n, share) == pytest.approx(point, rel=1e-9, abs=1e-300)
    assert intervals.at_least(n + 1, n, share) == 0.0


@given(st.integers(0, 60), st.integers(0, 60))
def test_swapping_the_sides_leaves_mcnemars_p_and_mid_p_is_never_larger(won: int, lost: int) -> None:
    assert paired_tests.exact(won, lost) == paired_tests.exact(lost, won)
    assert paired_tests.mid_p(won, lost) == paired_tests.mid_p(lost, won)
    exact, mid = paired_tests.exact(won, lost), paired_tests.mid_p(won, lost)
    assert isinstance(exact, NotEnough) or (isinstance(mid, float) and 0 < mid <= exact <= 1)


def test_an_unclustered_mean_is_the_t_interval() -> None:
    values = RNG.normal(0.2, 1, 40)
    reference = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert bounds(fixed(clustered_effect(values))) == pytest.approx((reference.low, reference.high))


def test_a_clustered_mean_is_the_cluster_robust_regression() -> None:
    clusters = [str(i // 4) for i in range(80)]
    values = np.repeat(RNG.normal(0, 1, 20), 4) + RNG.normal(0, 0.3, 80)
    fit = sm.OLS(values, np.ones(80)).fit(
        cov_type="cluster", cov_kwds={"groups": np.array([int(c) for c in clusters])}, use_t=True
    )
    assert bounds(fixed(clustered_effect(values, clusters))) == pytest.approx(tuple(fit.conf_int()[0]), rel=1e-6)


def test_one_cluster_is_not_enough() -> None:
    assert isinstance(clustered_effect(np.arange(9.0), ["same"] * 9), NotEnough)
    assert isinstance(clustered_effect(np.empty(0)), NotEnough)


def test_the_sign_flip_agrees_with_scipy() -> None:
    values = RNG.normal(0.4, 1, 12)
    reference = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip(values) == pytest.approx(reference)


def test_the_sign_flip_gives_the_number_of_fisher() -> None:
    # Fisher (1935), The Design of Experiments, section 21, Darwin's maize: 863 of 32,768 in each tail
    maize = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)
    assert sign_flip(maize) == 2 * 863 / 32768


def test_the_sampled_sign_flip_is_near_the_t_test_and_repeats_itself() -> None:
    values = RNG.normal(0.3, 1, 45)
    assert sign_flip(values, seed=3) == sign_flip(values, seed=3)
    assert sign_flip(values, seed=3) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)


def test_nothing_that_differs_has_no_p_value() -> None:
    assert isinstance(sign_flip(np.zeros(20)), NotEnough)


def test_the_bootstrap_of_a_mean_agrees_with_scipy() -> None:
    values = RNG.exponential(1, 200)
    rng = np.random.default_rng(1)
    reference = stats.bootstrap((values,), np.mean, method="percentile", rng=rng).confidence_interval
    interval = bootstrap_corpus(lambda indices: float(values[indices].mean()), 200)
    assert bounds(interval) == pytest.approx((reference.low, reference.high), abs=0.03)


def test_resamples_that_all_agree_leave_room_for_a_case_that_was_not_seen() -> None:
    few, many = (bootstrap_corpus(lambda _: 0.0, n, level=0.90, span=1.0) for n in (8, 800))
    assert bounds(few) == pytest.approx(bounds(tango(0, 0, 8)))
    assert bounds(many) == pytest.approx(bounds(tango(0, 0, 800)))


def test_a_corpus_bootstrap_over_clusters_is_wider_where_clusters_move_together() -> None:
    values = np.repeat(RNG.normal(0, 1, 25), 4)
    clusters = [str(i // 4) for i in range(100)]

    def mean(indices):
        return float(values[indices].mean())

    alone, together = bounds(bootstrap_corpus(mean, 100)), bounds(bootstrap_corpus(mean, 100, clusters))
    assert together[1] - together[0] > 1.5 * (alone[1] - alone[0])


def test_few_cases_are_not_resampled() -> None:
    assert isinstance(bootstrap_corpus(lambda _: 1.0, 5), NotEnough)
    assert isinstance(bootstrap_corpus(lambda _: None, 50), NotEnough)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))
