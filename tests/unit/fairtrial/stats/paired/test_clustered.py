"""The ratio of two means covers the true ratio as often as stated, and needs two clusters and means above 0."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.paired.clustered import FLIPS, clustered_effect, ratio_of_means, sign_flip
from fairtrial.stats.paired.resampling import CORPUS_DRAWS, bootstrap_corpus

DRAWS = 1500


@pytest.mark.parametrize("cluster_size", [1, 4])
def test_the_interval_covers_the_true_ratio_about_as_often_as_it_says(cluster_size: int) -> None:
    draw, inside = np.random.default_rng(7), 0
    clusters = None if cluster_size == 1 else np.repeat(np.arange(60), cluster_size)
    for _ in range(DRAWS):
        common = np.repeat(draw.lognormal(-0.02, 0.2, 60), cluster_size)
        baseline = draw.gamma(3.0, 40.0, 60 * cluster_size)
        interval = ratio_of_means(baseline * 1.3 * common, baseline, clusters)
        assert isinstance(interval, Estimate)
        inside += interval.low <= 1.3 <= interval.high
    assert inside / DRAWS > 0.92


def test_equal_lengths_have_the_ratio_1_without_a_width() -> None:
    values = np.array([3.0, 5.0, 9.0])
    interval = ratio_of_means(values, values)
    assert isinstance(interval, Estimate)
    assert (interval.value, interval.low, interval.high) == (1.0, 1.0, 1.0)


def test_there_is_no_ratio_to_a_mean_of_0_or_of_one_cluster() -> None:
    ones = np.ones(4)
    assert isinstance(ratio_of_means(ones, ones * 0), NotEnough)
    assert isinstance(ratio_of_means(ones, ones, np.zeros(4, dtype=np.intp)), NotEnough)
    assert isinstance(ratio_of_means(ones[:0], ones[:0]), NotEnough)


CLUSTERS = [f"c{at}" for at in np.random.default_rng(2).integers(0, 40, 200)]
NUMBERS = np.unique(CLUSTERS, return_inverse=True)[1]
VALUES = np.random.default_rng(3).normal(0.1, 1.0, 200)


@pytest.mark.parametrize("count", [17, 63, 200])
def test_flips_are_the_signs_that_the_generator_draws(count: int) -> None:
    sums = VALUES[:count]
    signs = np.random.default_rng(4).integers(0, 2, (FLIPS, count), dtype=np.int8) * 2.0 - 1.0
    beyond = np.count_nonzero(np.abs(signs @ sums) >= abs(sums.sum()) - 1e-12 * np.abs(sums).sum())
    assert sign_flip(sums, seed=4) == (beyond + 1) / (FLIPS + 1)


def test_a_resample_of_clusters_has_their_cases_one_after_the_other() -> None:
    members = {name: [at for at, cluster in enumerate(CLUSTERS) if cluster == name] for name in dict.fromkeys(CLUSTERS)}
    groups = list(members.values())
    draw = np.random.default_rng(6)
    expected = [
        [case for at in draw.integers(0, len(groups), len(groups)) for case in groups[at]] for _ in range(CORPUS_DRAWS)
    ]
    drawn: list[list[int]] = []

    def figure(cases: np.ndarray) -> float:
        drawn.append(cases.tolist())
        return float(VALUES[cases].mean())

    bootstrap_corpus(figure, len(VALUES), CLUSTERS, seed=6)
    assert drawn[1:] == expected


def test_clusters_may_be_numbers_in_the_order_of_their_names() -> None:
    assert clustered_effect(VALUES, NUMBERS) == clustered_effect(VALUES, CLUSTERS)
    assert sign_flip(VALUES, NUMBERS) == sign_flip(VALUES, CLUSTERS)

    def mean(cases: np.ndarray) -> float:
        return float(VALUES[cases].mean())

    assert bootstrap_corpus(mean, 200, NUMBERS) == bootstrap_corpus(mean, 200, CLUSTERS)
