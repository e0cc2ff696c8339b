"""The score interval of a mean: what it equals where that is known, and how often its bound is wrong."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import minimize
from scipy.special import stdtrit
from scipy.stats import binom

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.intervals import score_bounds, tango
from fairtrial.stats.paired.score_mean import ScoreUnits, likeliest, score_mean
from tests.fixtures.for_each import for_each

BOTH_WAYS = (-1.0, 1.0)


def bounds(result: Estimate | NotEnough) -> tuple[float, float]:
    assert isinstance(result, Estimate), result
    return result.low, result.high


def flips(won: int, lost: int, n: int) -> np.ndarray:
    return np.repeat([1.0, -1.0, 0.0], [won, lost, n - won - lost])


@for_each(
    ("won", "lost", "n"), [(0, 0, 60), (0, 1, 44), (5, 9, 100), (30, 3, 200), (0, 8, 54), (1, 0, 54), (0, 44, 44)]
)
def test_differences_of_0_and_1_have_tangos_interval_at_students_quantile(won: int, lost: int, n: int) -> None:
    interval = score_mean(flips(won, lost, n), within=BOTH_WAYS, level=0.90)
    assert bounds(interval) == pytest.approx(score_bounds(won, lost, n, z=float(stdtrit(n - 1, 0.95))), abs=1e-9)


@pytest.mark.parametrize(("right", "n"), [(81, 263), (0, 30), (30, 30), (1, 40)])
def test_values_of_0_and_1_have_wilsons_interval_at_students_quantile(right: int, n: int) -> None:
    low, high = bounds(score_mean(np.repeat([1.0, 0.0], [right, n - right]), within=(0, 1)))
    t = float(stdtrit(n - 1, 0.975))
    for bound in {low, high} - {0.0, 1.0}:
        assert abs(right / n - bound) == pytest.approx(t * np.sqrt(bound * (1 - bound) / n))


def test_a_relative_margin_has_the_variance_of_the_likeliest_four_cells() -> None:
    """Nam & Blackwelder (2002): cells passed by both, only the candidate, only the base, and neither."""
    counts, factor = np.array([60.0, 6, 10, 24]), 0.9
    kinds = np.array([1 - factor, 1.0, -factor, 0.0])
    low, _ = bounds(score_mean(np.repeat(kinds, counts.astype(int)), within=(-factor, 1), level=0.90))
    likely = minimize(
        lambda p: -float(counts @ np.log(np.maximum(p, 1e-12))),
        counts / counts.sum(),
        method="SLSQP",
        bounds=[(1e-9, 1)] * 4,
        constraints=[
            {"type": "eq", "fun": lambda p: p.sum() - 1},
            {"type": "eq", "fun": lambda p: float(kinds @ p) - low},
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    variance = float((kinds**2) @ likely.x) - low**2
    score = (float(kinds @ counts) / 100 - low) / np.sqrt(variance / 100)
    assert score == pytest.approx(float(stdtrit(99, 0.95)), rel=1e-4)


values_lists = st.lists(st.sampled_from([-1.0, -0.5, -0.25, 0.0, 0.1, 0.5, 1.0]), min_size=6, max_size=40)


@given(values_lists)
def test_turning_the_sign_mirrors_the_interval_and_the_order_does_not_matter(values: list[float]) -> None:
    clusters = [f"c{i // 2}" for i in range(len(values))]
    for names in (None, clusters):
        low, high = bounds(score_mean(np.array(values), names, within=BOTH_WAYS))
        assert bounds(score_mean(-np.array(values), names, within=BOTH_WAYS)) == pytest.approx((-high, -low), abs=1e-9)
        back = None if names is None else names[::-1]
        assert bounds(score_mean(np.array(values[::-1]), back, within=BOTH_WAYS)) == pytest.approx((low, high))
        assert -1 <= low <= float(np.mean(values)) + 1e-12 and float(np.mean(values)) - 1e-12 <= high <= 1


@given(values_lists, st.floats(-0.9, 0.5))
def test_the_score_falls_as_the_supposed_mean_rises(values: list[float], mean: float) -> None:
    units = ScoreUnits.of(np.array(values), None, BOTH_WAYS)
    assert units.score(mean) >= units.score(mean + 0.05) - 1e-9


def test_clusters_of_one_are_no_clusters() -> None:
    values = np.array([0.5, 0.0, -0.5, 0.25, 0.0, 1.0, 0.0, 0.0])
    alone = score_mean(values, [str(i) for i in range(8)], within=BOTH_WAYS)
    assert bounds(alone) == pytest.approx(bounds(score_mean(values, within=BOTH_WAYS)))


def test_each_case_twice_in_its_cluster_is_the_same_evidence() -> None:
    values = flips(2, 5, 40)
    twice = score_mean(np.repeat(values, 2), [str(i) for i in range(40) for _ in range(2)], within=BOTH_WAYS)
    assert bounds(twice) == pytest.approx(bounds(score_mean(values, within=BOTH_WAYS)))


def test_one_cluster_of_two_changes_little() -> None:
    clusters = ["pair", "pair", *map(str, range(98))]
    low, high = bounds(score_mean(flips(5, 9, 100)[::-1], clusters, within=BOTH_WAYS, level=0.90))
    assert (low, high) == pytest.approx(bounds(tango(5, 9, 100)), abs=0.006)


@for_each(("n", "margin"), [(28, 0.1), (54, 0.05), (100, 0.05), (100, 0.1), (200, 0.05), (400, 0.02)])
@for_each("size", [1.0, 0.5, 0.25])
def test_losses_that_make_the_margin_pass_in_at_most_7_percent(n: int, margin: float, size: float) -> None:
    """The t interval passes them in up to 24 %."""
    most = int(binom.isf(1e-6, n, margin / size))
    passed = [
        bounds(score_mean(np.repeat([-size, 0.0], [k, n - k]), within=BOTH_WAYS, level=0.90))[0] > -margin
        for k in range(most + 1)
    ]
    chances = binom.pmf(np.arange(most + 1), n, margin / size)
    assert float(chances @ np.array(passed)) <= 0.07


@pytest.mark.parametrize("alike", [0.0, 0.7, 1.0])
def test_losses_in_clusters_of_five_pass_in_few(alike: float) -> None:
    """The clustered t interval passes them in up to 22 %."""
    rng, n, margin, passed = np.random.default_rng(5), 100, 0.1, 0
    clusters = [str(i // 5) for i in range(n)]

    @cache
    def passes(losses: tuple[int, ...]) -> bool:
        """Whether a review passes, by the sorted numbers of losses in its clusters."""
        values = np.concatenate([np.repeat([-1.0, 0.0], [lost, 5 - lost]) for lost in losses])
        return bounds(score_mean(values, clusters, within=BOTH_WAYS, level=0.90))[0] > -margin

    for _ in range(300):
        lost = rng.random(n) < margin
        lost = np.where(rng.random(n) < alike, np.repeat(lost[::5], 5), lost)
        passed += passes(tuple(sorted(lost.reshape(-1, 5).sum(axis=1).tolist())))
    assert passed / 300 <= 0.07 + 2 * 0.015


def test_the_likeliest_weights_have_the_requested_mean() -> None:
    apart = np.array([0.1, 0.5, -0.3])
    weights, unseen = likeliest(apart, np.array([0.5, 0.3, 0.2]), -0.9)
    assert weights.sum() + unseen == pytest.approx(1)
    assert float(weights @ apart) + unseen * -0.9 == pytest.approx(0, abs=1e-9)
    apart = np.array([0.1, 0.5])
    weights, unseen = likeliest(apart, np.array([0.5, 0.5]), -0.9)
    assert unseen > 0
    assert float(weights @ apart) + unseen * -0.9 == pytest.approx(0, abs=1e-9)


def test_what_says_too_little_is_not_enough() -> None:
    assert isinstance(score_mean(np.empty(0), within=BOTH_WAYS), NotEnough)
    assert isinstance(score_mean(np.array([0.5]), within=BOTH_WAYS), NotEnough)
    assert isinstance(score_mean(np.zeros(9), ["same"] * 9, within=BOTH_WAYS), NotEnough)
    assert isinstance(score_mean(np.zeros(51), ["big"] * 50 + ["small"], within=BOTH_WAYS), NotEnough)


@pytest.mark.parametrize("within", [(1.0, 1.0), (1.0, 0.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_what_no_value_can_be_is_refused(within: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="two finite numbers"):
        score_mean(np.zeros(9), within=within)
