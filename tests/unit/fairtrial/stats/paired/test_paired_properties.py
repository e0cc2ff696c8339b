"""What must hold of paired means, sign flips and corpus bootstraps for all cases."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from statsmodels.stats.weightstats import DescrStatsW

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid, at_least
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.paired.clustered import EXACT_TO, clustered_effect, sign_flip
from fairtrial.stats.paired.resampling import bootstrap_corpus

CASES = st.lists(st.integers(-4, 4).map(float), min_size=4, max_size=24).filter(lambda cases: len(set(cases)) > 1)


def bounds(result: Estimate | NotEnough) -> tuple[float, float]:
    assert isinstance(result, Estimate)
    return result.low, result.high


def names(cases: list[float]) -> list[str]:
    return [str(i % (len(cases) // 2)) for i in range(len(cases))]


@given(CASES)
def test_swapping_the_sides_mirrors_the_mean_and_leaves_the_sign_flip(cases: list[float]) -> None:
    values, clusters = np.array(cases), names(cases)
    there, back = clustered_effect(values, clusters), clustered_effect(-values, clusters)
    assert isinstance(there, Effect) and isinstance(back, Effect)
    assert (back.value, back.variance) == pytest.approx((-there.value, there.variance))
    assert sign_flip(values, clusters) == sign_flip(-values, clusters)


@given(CASES, st.randoms(use_true_random=False))
def test_neither_the_order_of_cases_nor_the_names_of_clusters_matter(cases: list[float], random) -> None:
    clusters, order = names(cases), list(range(len(cases)))
    random.shuffle(order)
    values, others = np.array(cases), [f"c{clusters[i]}" for i in order]
    shuffled, ordered = clustered_effect(values[order], others), clustered_effect(values, clusters)
    assert isinstance(shuffled, Effect) and isinstance(ordered, Effect)
    assert (shuffled.value, shuffled.variance) == pytest.approx((ordered.value, ordered.variance))
    if len(set(clusters)) <= EXACT_TO:
        assert sign_flip(values[order], others) == sign_flip(values, clusters)


@given(CASES)
def test_each_case_its_own_cluster_is_no_cluster(cases: list[float]) -> None:
    values, alone = np.array(cases), [str(i) for i in range(len(cases))]
    assert bounds(fixed(clustered_effect(values, alone))) == pytest.approx(bounds(fixed(clustered_effect(values))))


@given(CASES)
def test_more_cases_narrow_it_and_a_higher_level_widens_it(cases: list[float]) -> None:
    values = np.array(cases)
    few, many, sure = (
        np.diff(bounds(result))
        for result in (
            fixed(clustered_effect(values)),
            fixed(clustered_effect(np.tile(values, 4))),
            fixed(clustered_effect(values), level=0.99),
        )
    )
    assert many < few < sure


@given(CASES)
def test_the_fixed_interval_of_single_cases_is_that_of_statsmodels(cases: list[float]) -> None:
    values = np.array(cases)
    assert bounds(fixed(clustered_effect(values))) == pytest.approx(DescrStatsW(values).tconfint_mean())


def test_a_suite_that_grew_is_judged_by_looks_at_any_time_from_thirty_cases_on() -> None:
    values = np.tile([0.0, 0.1, -0.1, 0.05, 0.0], 12)
    assert isinstance(always_valid(clustered_effect(values[:29]), tau=0.05), NotEnough)
    planned, watched = fixed(clustered_effect(values)), always_valid(clustered_effect(values), tau=0.05)
    assert isinstance(watched, Estimate) and watched.always_valid
    assert bounds(watched)[0] < bounds(planned)[0] < bounds(planned)[1] < bounds(watched)[1]
    few = clustered_effect(np.tile(values, 2), [str(i % 20) for i in range(120)])
    assert isinstance(few, Effect) and few.not_yet is not None
    assert "20 clusters" in few.not_yet.reason and "10 more" in few.not_yet.needed
    assert isinstance(clustered_effect(values, ["one"] * 60), NotEnough)


def test_a_few_flips_among_many_cases_are_not_looked_at() -> None:
    values = np.zeros(200)
    values[:9] = -1
    seen = always_valid(clustered_effect(values), tau=0.05)
    assert isinstance(seen, NotEnough)
    assert "only 9 of 200 cases" in seen.reason and seen.needed == "1 more that do"
    values[9] = 1
    assert isinstance(always_valid(clustered_effect(values), tau=0.05), Estimate)


def test_a_suite_that_grows_case_by_case_hardly_passes_a_margin_wrongly() -> None:
    rng, wrong = np.random.default_rng(6), 0
    for _ in range(100):
        values = -(rng.random(300) < 0.05).astype(float)
        bounds_seen = (at_least(clustered_effect(values[:n]), tau=0.05) for n in range(30, 301, 15))
        wrong += any(isinstance(seen, Estimate) and seen.low > -0.05 for seen in bounds_seen)
    assert wrong / 100 <= 0.05 + 2 * (0.05 * 0.95 / 100) ** 0.5


def test_equal_differences_are_no_spread_for_an_effect() -> None:
    effect = clustered_effect(np.full(40, 0.1))
    assert isinstance(fixed(effect), NotEnough)
    assert isinstance(always_valid(effect, tau=0.05), NotEnough)


@settings(max_examples=10)
@given(CASES.filter(lambda cases: len(cases) >= 8), st.integers(0, 3))
def test_a_corpus_bootstrap_repeats_itself_and_a_higher_level_widens_it(cases: list[float], seed: int) -> None:
    values = np.array(cases)

    def mean(indices):
        return float(values[indices].mean())

    limits = bounds(bootstrap_corpus(mean, len(values), seed=seed))
    assert limits == bounds(bootstrap_corpus(mean, len(values), seed=seed))
    low, high = bounds(bootstrap_corpus(mean, len(values), seed=seed, level=0.99))
    assert low <= limits[0] <= limits[1] <= high
