"""Clusters: the intraclass correlation and the design effect, against published figures and a simulated trial."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.planning.clustering import ClusterSums, design_effect, intraclass_correlation

SHROUT_AND_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_the_correlation_is_that_of_shrout_and_fleiss() -> None:
    # Shrout & Fleiss (1979), Psychol. Bull. 86:420-428, tables 2 and 4: ICC(1, 1) = .17
    clusters = [target for target in range(6) for _ in range(4)]
    found = intraclass_correlation(ClusterSums.of(np.ravel(SHROUT_AND_FLEISS), clusters))
    assert found == pytest.approx(0.17, abs=0.005)


@pytest.mark.parametrize(("size", "effect"), [(10, 1.153), (20, 1.323), (40, 1.663), (80, 2.343)])
def test_equal_clusters_have_the_design_effects_of_killip_mahfoud_and_pearce(size: int, effect: float) -> None:
    # Killip, Mahfoud & Pearce (2004), Ann. Fam. Med. 2:204-208, table for ρ = 0.017
    assert design_effect(size, 0.017) == pytest.approx(effect, abs=5e-4)


def test_sizes_that_vary_little_hardly_matter_as_eldridge_ashby_and_kerry_say() -> None:
    # Eldridge, Ashby & Kerry (2006): below a coefficient of variation of 0.23 the adjustment is negligible
    assert design_effect(30, 0.05, size_variation=0.23) / design_effect(30, 0.05) < 1.05
    assert design_effect(30, 0.05, size_variation=0.65) / design_effect(30, 0.05) > 1.2


def test_the_variance_of_simulated_clusters_of_uneven_sizes_is_the_design_effect() -> None:
    rng = np.random.default_rng(2)
    means, rho = [], 0.1
    for _ in range(4000):
        sizes = rng.integers(1, 40, 50)
        effects = np.repeat(rng.normal(0, rho**0.5, 50), sizes)
        means.append((effects + rng.normal(0, (1 - rho) ** 0.5, sizes.sum())).mean())
    mean, cv = 20.0, float(np.std(np.arange(1, 40)) / 20)
    assert np.var(means) * 50 * mean == pytest.approx(design_effect(mean, rho, size_variation=cv), rel=0.08)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(-9, 9)), min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(5, 9), st.floats(-9, 9)), min_size=1, max_size=30),
)
def test_adding_the_sums_of_other_clusters_is_pooling_them(
    one: list[tuple[int, float]], other: list[tuple[int, float]]
) -> None:
    def sums(rows: list[tuple[int, float]]) -> ClusterSums:
        return ClusterSums.of([value for _, value in rows], [cluster for cluster, _ in rows])

    added, pooled = sums(one) + sums(other), sums(one + other)
    assert (added.clusters, added.units, added.squared_sizes) == (pooled.clusters, pooled.units, pooled.squared_sizes)
    assert (added.x, added.xx, added.between) == pytest.approx((pooled.x, pooled.xx, pooled.between))
    found = intraclass_correlation(pooled)
    assert isinstance(found, NotEnough) or found <= 1 + 1e-9


def test_clusters_that_are_all_alike_inside_have_correlation_one() -> None:
    found = intraclass_correlation(ClusterSums.of([1.0, 1.0, 2.0, 2.0], "aabb"))
    assert found == pytest.approx(1.0)
    assert design_effect(2, 1.0) == 2.0


def test_what_shows_no_correlation_says_what_is_missing() -> None:
    assert isinstance(intraclass_correlation(ClusterSums.of([], [])), NotEnough)
    assert isinstance(intraclass_correlation(ClusterSums.of([1.0, 2.0], "aa")), NotEnough)
    assert isinstance(intraclass_correlation(ClusterSums.of([1.0, 2.0], "ab")), NotEnough)
    assert isinstance(intraclass_correlation(ClusterSums.of([1.0, 1.0, 1.0], "aab")), NotEnough)


def test_a_correlation_below_zero_is_chance_and_saves_nothing() -> None:
    assert design_effect(20, -0.02) == 1.0


def test_the_sizes_are_described() -> None:
    found = ClusterSums.of([0.0] * 6, "aaaabb")
    assert found.mean_size == 3
    assert found.size_variation == pytest.approx(1 / 3)


def test_clusters_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="clusters"):
        design_effect(0.5, 0.1)
    with pytest.raises(ValueError, match="cluster"):
        ClusterSums.of([1.0], "ab")
