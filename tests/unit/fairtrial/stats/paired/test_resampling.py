"""Figures of a whole corpus by leaving cases out: what they equal, and a rare class whose losses were not seen."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.paired.resampling import jackknife_corpus
from fairtrial.stats.paired.score_mean import score_mean

SHARE = (0.0, 1.0)
RIGHT = np.array([1.0] * 30 + [0.0] * 10)


def bounds(result: Estimate | NotEnough) -> tuple[float, float]:
    assert isinstance(result, Estimate), result
    return result.low, result.high


def mean(indices: np.ndarray) -> float:
    return float(RIGHT[indices].mean())


def test_a_mean_has_the_score_interval_of_its_values() -> None:
    assert bounds(jackknife_corpus(mean, 40, within=SHARE)) == pytest.approx(bounds(score_mean(RIGHT, within=(0, 1))))


def test_clusters_are_left_out_together() -> None:
    clusters = [str(i // 2) for i in range(40)]
    together = bounds(jackknife_corpus(mean, 40, clusters, within=SHARE))
    assert together == pytest.approx(bounds(score_mean(RIGHT, clusters, within=(0, 1))), abs=1e-3)
    low, high = bounds(jackknife_corpus(mean, 40, within=SHARE))
    assert together[0] < low and together[1] > high


def test_many_cases_are_left_out_in_parts() -> None:
    rng, sizes = np.random.default_rng(3), []
    values = rng.random(5_000)

    def figure(indices: np.ndarray) -> float:
        sizes.append(len(indices))
        return float(values[indices].mean())

    limits = bounds(jackknife_corpus(figure, 5_000, within=SHARE))
    assert len(sizes) == 1_001
    assert limits == pytest.approx(bounds(score_mean(values, within=(0, 1))), abs=2e-3)


@pytest.mark.parametrize("positives", [20, 80])
def test_a_rare_label_whose_losses_make_the_margin_passes_in_few(positives: int) -> None:
    """A percentile bootstrap passes them in 11 % with 20 positives."""
    rng, n, margin, passed, trials = np.random.default_rng(11), 4 * positives, 0.05, 0, 200
    positive = np.arange(n) < positives
    for _ in range(trials):
        lost = positive & (rng.random(n) < 2 * margin)

        def gap(some: np.ndarray, lost: np.ndarray = lost) -> float | None:
            among = positive[some]
            return -float(lost[some][among].mean()) / 2 if among.any() else None

        interval = jackknife_corpus(gap, n, within=(-1, 1), reach=n / (2 * positives), level=0.90)
        passed += bounds(interval)[0] > -margin
    assert passed / trials <= 0.06 + 2 * 0.017


def test_what_says_too_little_is_not_enough() -> None:
    for result in (
        jackknife_corpus(mean, 0, within=SHARE),
        jackknife_corpus(mean, 7, within=SHARE),
        jackknife_corpus(lambda _: None, 40, within=SHARE),
        jackknife_corpus(mean, 40, within=SHARE, reach=None),
        jackknife_corpus(mean, 40, ["one"] * 30 + [str(i) for i in range(10)], within=SHARE),
    ):
        assert isinstance(result, NotEnough)


def test_a_figure_that_hangs_on_one_case_is_not_enough() -> None:
    interval = jackknife_corpus(lambda some: 1.0 if 3 in some else None, 40, within=SHARE)
    assert isinstance(interval, NotEnough)
    assert "single cases" in interval.reason
