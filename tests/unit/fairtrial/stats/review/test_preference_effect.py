"""The lean of votes that may be looked at: what its sums hold, and how often looking at them errs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid, half_width
from fairtrial.stats.effects import fixed
from fairtrial.stats.review.preference_effect import preference_effect, preference_effect_of_sums, preference_sums

TAU = 0.05
SEEDS = st.integers(0, 2**32 - 1)


def votes(seed: int, pairs: int = 40, first: int = 0) -> tuple[np.ndarray, list[str]]:
    """Pairs with one to three votes each."""
    rng = np.random.default_rng(seed)
    items = [str(first + i) for i in range(pairs) for _ in range(rng.integers(1, 4))]
    return rng.choice([0.0, 0.5, 1.0], len(items)), items


def test_one_vote_a_pair_is_the_mean_with_its_textbook_variance() -> None:
    values = np.array([1.0] * 40 + [0.5] * 20 + [0.0] * 10)
    found = preference_effect_of_sums(preference_sums(values, [str(i) for i in range(70)]))
    assert found.value == pytest.approx(values.mean() - 0.5)
    assert found.variance == pytest.approx(values.var(ddof=1) / 70)
    assert (found.n, found.freedom, found.not_yet) == (70, 69, None)


@given(SEEDS)
def test_the_sums_hold_all_that_the_votes_say_of_pairs(seed: int) -> None:
    values, items = votes(seed)
    summed = preference_effect_of_sums(preference_sums(values, items))
    told = preference_effect(values, items, ["ann"] * len(values))
    assert (summed.value, summed.variance) == pytest.approx((told.value, told.variance), abs=1e-12)
    assert (summed.n, summed.freedom, summed.method) == (told.n, told.freedom, told.method)


@given(SEEDS)
def test_adding_sums_is_pooling_the_votes_in_any_order(seed: int) -> None:
    (one, items), (other, more) = votes(seed, 30), votes(seed + 1, 20, first=100)
    pooled = preference_sums(np.concatenate([other, one]), more + items)
    added = preference_sums(one, items) + preference_sums(other, more)
    for name in ("n", "x", "y", "xx", "yy", "xy"):
        assert getattr(added, name) == pytest.approx(getattr(pooled, name))


@given(SEEDS)
def test_swapping_candidate_and_baseline_mirrors_it(seed: int) -> None:
    values, items = votes(seed)
    one, other = (preference_effect_of_sums(preference_sums(said, items)) for said in (values, 1 - values))
    assert (other.value, other.variance) == pytest.approx((-one.value, one.variance), abs=1e-12)


@given(SEEDS, st.floats(0.5, 0.98))
def test_more_votes_of_the_same_kind_narrow_it_and_a_higher_level_widens_it(seed: int, level: float) -> None:
    values, items = votes(seed)
    sums = preference_sums(values, items)
    few, many = (always_valid(preference_effect_of_sums(some), tau=TAU, level=level) for some in (sums, sums + sums))
    surer = always_valid(preference_effect_of_sums(sums), tau=TAU, level=level + 0.01)
    assert many.high - many.low < few.high - few.low < surer.high - surer.low


def test_ten_people_are_clusters_too() -> None:
    values = np.array([float(person % 2) for _ in range(50) for person in range(12)])
    items, people = [str(i // 12) for i in range(600)], [str(i % 12) for i in range(600)]
    found = preference_effect(values, items, people)
    assert "pair and reviewer" in found.method and found.freedom == 11 and found.variance > 0.02


def test_few_pairs_decide_nothing_and_votes_that_are_all_equal_are_not_certainty() -> None:
    few = preference_effect(np.array([1.0, 0.0] * 10), [str(i) for i in range(20)], ["ann"] * 20)
    looked = always_valid(few, tau=TAU)
    assert isinstance(looked, NotEnough) and looked.needed == "10 more judged pairs"
    assert isinstance(fixed(few), Estimate)
    names = [str(i) for i in range(40)]
    for worth in (0.0, 0.5, 1.0):
        sums = preference_sums(np.full(40, worth), names)
        assert isinstance(always_valid(preference_effect_of_sums(sums), tau=TAU), NotEnough)
        assert isinstance(
            always_valid(preference_effect(np.full(40, worth), names, names[:9] * 4 + names[:4]), tau=TAU), NotEnough
        )
    assert isinstance(preference_effect_of_sums(preference_sums(np.ones(3), ["a", "a", "a"])), NotEnough)


@pytest.mark.parametrize("ties", [0.0, 0.3, 0.8, 0.95])
def test_looking_after_every_pair_errs_in_less_than_one_of_twenty_reviews_of_equal_models(ties: float) -> None:
    rng, reviews, pairs = np.random.default_rng(2), 600, 800
    drawn = rng.random((reviews, pairs))
    won = (1 - ties) / 2
    votes = np.where(drawn < won, 0.5, np.where(drawn < 2 * won, -0.5, 0.0))
    n = np.arange(1, pairs + 1)
    mean, square = votes.cumsum(1) / n, (votes**2).cumsum(1) / n
    wrong = 0
    for i in range(reviews):
        variance = (square[i] - mean[i] ** 2)[29:] / (n[29:] - 1)
        bounds = [half_width(v, tau=TAU, alpha=0.05) if v > 1e-12 else 1.0 for v in variance[::5]]
        wrong += bool((np.abs(mean[i][29::5]) > bounds).any())
    assert wrong / reviews < 0.05
