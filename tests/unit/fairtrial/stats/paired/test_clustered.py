"""The ratio of two means covers the true ratio as often as stated, and needs two clusters and means above 0."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.paired.clustered import ratio_of_means

DRAWS = 1500


@pytest.mark.parametrize("cluster_size", [1, 4])
def test_the_interval_covers_the_true_ratio_about_as_often_as_it_says(cluster_size: int) -> None:
    draw, inside = np.random.default_rng(7), 0
    clusters = None if cluster_size == 1 else np.repeat(np.arange(60), cluster_size)
    for _ in range(DRAWS):
        common = np.repeat(draw.lognormal(-0.02, 0.2, 60), cluster_size)
        baseline = draw.gamma(3.0, 40.0, 60 * cluster_size)
        found = ratio_of_means(baseline * 1.3 * common, baseline, clusters)
        assert isinstance(found, Estimate)
        inside += found.low <= 1.3 <= found.high
    assert inside / DRAWS > 0.92


def test_equal_lengths_have_the_ratio_1_without_a_width() -> None:
    values = np.array([3.0, 5.0, 9.0])
    found = ratio_of_means(values, values)
    assert isinstance(found, Estimate)
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_there_is_no_ratio_to_a_mean_of_0_or_of_one_cluster() -> None:
    ones = np.ones(4)
    assert isinstance(ratio_of_means(ones, ones * 0), NotEnough)
    assert isinstance(ratio_of_means(ones, ones, np.zeros(4, dtype=np.intp)), NotEnough)
    assert isinstance(ratio_of_means(ones[:0], ones[:0]), NotEnough)
