"""What must hold for the raw win rate and the mean of marks whatever was voted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from fairtrial.domain.estimates import Estimate
from fairtrial.stats.review.crossed import mean_rating
from fairtrial.stats.review.preference import win_rate

SEEDS = st.integers(0, 2**32 - 1)
LEVELS = st.floats(0.5, 0.98)
CROWDS = st.sampled_from([3, 14])


def votes(seed: int, crowd: int, pairs: int = 24) -> tuple[np.ndarray, list[str], list[str]]:
    rng = np.random.default_rng(seed)
    items = [str(i // 2) for i in range(2 * pairs)]
    people = [str(person) for _ in range(pairs) for person in rng.choice(crowd, 2, replace=False)]
    return rng.choice([0.0, 0.5, 1.0], 2 * pairs), items, people


def rated(values: np.ndarray, items: list[str], people: list[str], level: float = 0.9) -> Estimate:
    rating = mean_rating(4 * values + 1, items, people, span=4.0, level=level)
    assert isinstance(rating, Estimate)
    return rating


def numbers(interval: Estimate) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


@settings(max_examples=50)
@given(SEEDS, CROWDS)
def test_swapping_the_models_mirrors_the_win_rate_and_the_marks(seed: int, crowd: int) -> None:
    values, items, people = votes(seed, crowd)
    first, second = win_rate(values, items, people), win_rate(1 - values, items, people)
    assert numbers(second) == pytest.approx((1 - first.value, 1 - first.high, 1 - first.low), abs=1e-9)
    mark, turned = rated(values, items, people), rated(1 - values, items, people)
    assert numbers(turned) == pytest.approx((6 - mark.value, 6 - mark.high, 6 - mark.low), abs=1e-9)


@settings(max_examples=50)
@given(SEEDS, CROWDS)
def test_the_order_of_votes_is_irrelevant(seed: int, crowd: int) -> None:
    values, items, people = votes(seed, crowd)
    order = np.random.default_rng(seed).permutation(len(values))
    mixed = values[order], [items[i] for i in order], [people[i] for i in order]
    assert numbers(win_rate(*mixed)) == pytest.approx(numbers(win_rate(values, items, people)), abs=1e-9)
    assert numbers(rated(*mixed)) == pytest.approx(numbers(rated(values, items, people)), abs=1e-9)


@settings(max_examples=50)
@given(SEEDS, LEVELS)
def test_more_of_the_same_votes_narrow_and_a_higher_level_widens(seed: int, level: float) -> None:
    values, items, people = votes(seed, 2)  # of three or more, the same people tell no more of people in general
    twice = np.tile(values, 2), items + [f"more {item}" for item in items], people * 2
    for of in (rated, lambda v, i, p, level: win_rate(v, i, p, level=level)):
        plain, many = of(values, items, people, level), of(*twice, level)
        surer = of(values, items, people, level + 0.01)
        assert many.high - many.low < plain.high - plain.low < surer.high - surer.low
        assert surer.low <= plain.low <= plain.value <= plain.high <= surer.high


@settings(max_examples=50)
@given(SEEDS, CROWDS)
def test_weights_that_are_all_equal_are_no_weights(seed: int, crowd: int) -> None:
    values, items, people = votes(seed, crowd)
    weighted = win_rate(values, items, people, weights=np.full(len(values), 2.5))
    assert numbers(weighted) == pytest.approx(numbers(win_rate(values, items, people)), abs=1e-9)
