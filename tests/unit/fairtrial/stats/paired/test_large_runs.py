"""What is computed otherwise for large runs equals its definition: flips, resampled clusters, clusters as numbers."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.stats.paired.clustered import clustered_mean
from fairtrial.stats.paired.paired_tests import FLIPS, sign_flip
from fairtrial.stats.paired.resampling import CORPUS_DRAWS, bootstrap_corpus

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
    members = {name: [at for at, one in enumerate(CLUSTERS) if one == name] for name in dict.fromkeys(CLUSTERS)}
    groups = list(members.values())
    draw = np.random.default_rng(6)
    wanted = [
        [case for at in draw.integers(0, len(groups), len(groups)) for case in groups[at]] for _ in range(CORPUS_DRAWS)
    ]
    drawn: list[list[int]] = []

    def figure(cases: np.ndarray) -> float:
        drawn.append(cases.tolist())
        return float(VALUES[cases].mean())

    bootstrap_corpus(figure, len(VALUES), CLUSTERS, seed=6)
    assert drawn[1:] == wanted


def test_clusters_may_be_numbers_in_the_order_of_their_names() -> None:
    assert clustered_mean(VALUES, NUMBERS) == clustered_mean(VALUES, CLUSTERS)
    assert sign_flip(VALUES, NUMBERS) == sign_flip(VALUES, CLUSTERS)

    def mean(cases: np.ndarray) -> float:
        return float(VALUES[cases].mean())

    assert bootstrap_corpus(mean, 200, NUMBERS) == bootstrap_corpus(mean, 200, CLUSTERS)
