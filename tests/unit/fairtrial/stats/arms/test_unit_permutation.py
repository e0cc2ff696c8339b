"""The permutation of users: scipy's with the same statistic, its error, and what it does not depend on."""

from itertools import combinations
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms import unit_permutation
from fairtrial.stats.arms.ratios import ratio_difference
from fairtrial.stats.arms.unit_permutation import permute_units
from fairtrial.stats.effects import Effect
from fairtrial.stats.sums import JointMoments

ARM = np.array([0] * 6 + [1] * 7)


def drawn(seed: int, n: int = 13, gain: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.geometric(0.1, n).astype(float)
    return y * np.round(rng.beta(2, 2, n) + gain * (np.arange(n) >= n // 2), 6), y


def studentised(x: np.ndarray, y: np.ndarray, arm: np.ndarray) -> float:
    found = ratio_difference(*(JointMoments.of(x[arm == a], y[arm == a]) for a in (0, 1)))
    assert isinstance(found, Effect)
    return abs(found.value) / sqrt(found.variance)


@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_the_exact_test_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(0, 1, 5), rng.normal(1, 2, 6)
    reference = stats.permutation_test(
        (one, other),
        lambda a, b: abs(stats.ttest_ind(b, a, equal_var=False).statistic),
        alternative="greater",
        n_resamples=np.inf,
    )
    found = permute_units(np.concatenate([one, other]), np.ones(11), [0] * 5 + [1] * 6)
    assert found == pytest.approx(reference.pvalue)


def test_every_deal_is_looked_at_with_the_statistic_of_the_ratio() -> None:
    x, y = drawn(1, gain=0.2)
    every = []
    for chosen in combinations(range(13), 7):
        arm = np.zeros(13, dtype=int)
        arm[list(chosen)] = 1
        every.append(studentised(x, y, arm))
    assert permute_units(x, y, ARM) == pytest.approx(np.mean(np.array(every) >= studentised(x, y, ARM) * (1 - 1e-9)))


def test_eight_users_of_whom_four_are_all_better_give_two_in_seventy() -> None:
    # Fisher's count: of the C(8, 4) = 70 deals only the one seen and its mirror are as extreme
    assert permute_units([1, 2, 3, 4, 11, 12, 13, 14], np.ones(8), [0] * 4 + [1] * 4) == pytest.approx(2 / 70)


def test_many_users_are_sampled_and_repeat_themselves() -> None:
    x, y = drawn(2, n=60, gain=0.12)
    arm = np.arange(60) >= 30
    found = permute_units(x, y, arm, seed=4)
    assert found == permute_units(x, y, arm, seed=4)
    assert found == pytest.approx(2 * stats.t.sf(studentised(x, y, arm), 58), abs=0.02)


def test_swapping_the_arms_and_the_order_of_users_do_not_matter() -> None:
    x, y = drawn(3, gain=0.3)
    p = permute_units(x, y, ARM)
    assert permute_units(x, y, 1 - ARM) == pytest.approx(p)
    assert permute_units(x[::-1], y[::-1], ARM[::-1]) == pytest.approx(p)
    assert permute_units(7 * x, 3 * y, ARM) == pytest.approx(p)


def test_it_errs_no_more_often_than_it_says() -> None:
    p = np.array([permute_units(*drawn(seed, n=10), [0] * 5 + [1] * 5) for seed in range(1000)])
    for alpha in (0.05, 0.1, 0.5):
        assert np.mean(p <= alpha) <= alpha + 2.6 * sqrt(alpha * (1 - alpha) / 1000)


def test_nothing_is_said_of_equal_or_single_users() -> None:
    assert isinstance(permute_units([1, 2, 3], [2, 4, 6], [0, 1, 1]), NotEnough)
    assert isinstance(permute_units([1, 2, 3, 4], [2, 4, 6, 8], [0, 0, 1, 1]), NotEnough)
    assert isinstance(permute_units([0, 0, 0, 0], [2, 4, 6, 8], [0, 0, 1, 1]), NotEnough)
    for treated in (["control", "test", "control", "test"], [0, 1, 2, 1], [0.0, float("nan"), 1.0, 1.0]):
        with pytest.raises(ValueError, match="True or False"):
            permute_units([1, 2, 3, 4], [1, 1, 1, 1], treated)
    with pytest.raises(ValueError, match="above 0"):
        permute_units([1, 2], [0, 1], [0, 1])
    with pytest.raises(ValueError, match="can't be matched by user"):
        permute_units([1, 2], [1], [0, 1])


def test_dealing_some_at_a_time_deals_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(31)
    x, treated = rng.poisson(3, 40), np.arange(40) < 20
    whole = permute_units(x, np.full(40, 5), treated, seed=4)
    monkeypatch.setattr(unit_permutation, "CELLS", 1_000)
    assert permute_units(x, np.full(40, 5), treated, seed=4) == whole
