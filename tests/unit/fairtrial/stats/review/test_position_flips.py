"""Both orders of a pair: what counts as agreement, and how often the order decides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.review.position_flips import both_orders, flip_rate
from tests.fixtures.for_each import for_each

ORDERS = st.lists(st.tuples(*[st.sampled_from([0.0, 0.5, 1.0])] * 2), min_size=12, max_size=40)


def columns(pairs: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    first, second = zip(*pairs, strict=True)
    return np.array(first), np.array(second)


@for_each(
    ("first", "second", "vote"),
    [(1, 1, 1), (0, 0, 0), (0.5, 0.5, 0.5), (1, 0, 0.5), (0, 1, 0.5), (1, 0.5, 0.5), (0.5, 0, 0.5)],
)
def test_a_win_is_one_only_in_both_orders(first: float, second: float, vote: float) -> None:
    assert both_orders(np.array([first]), np.array([second])).tolist() == [vote]


def test_the_share_of_flips_has_the_interval_of_wilson() -> None:
    first, second = np.repeat([1.0, 1.0], [65, 15]), np.repeat([1.0, 0.0], [65, 15])
    found = flip_rate(first, second)
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(15 / 80)
    assert (found.low, found.high) == pytest.approx(proportion_confint(15, 80, method="wilson"))


def test_pairs_of_one_conversation_that_flip_together_are_fewer_than_they_seem() -> None:
    first, flips = np.ones(80), np.repeat([1.0, 0.0, 0.0, 0.0], 20)
    second = np.where(flips == 1, 0.0, 1.0)
    alone, together = flip_rate(first, second), flip_rate(first, second, clusters=[str(i // 4) for i in range(80)])
    assert together.value == alone.value == 0.25
    assert together.high - together.low > 1.7 * (alone.high - alone.low)


@given(ORDERS)
def test_swapping_the_models_mirrors_the_votes_and_leaves_the_flips(pairs: list[tuple[float, float]]) -> None:
    first, second = columns(pairs)
    assert both_orders(1 - second, 1 - first).tolist() == (1 - both_orders(first, second)).tolist()
    assert flip_rate(1 - second, 1 - first) == flip_rate(first, second) == flip_rate(first[::-1], second[::-1])


@given(ORDERS, st.floats(0.5, 0.98))
def test_more_pairs_narrow_the_interval_and_a_higher_level_widens_it(
    pairs: list[tuple[float, float]], level: float
) -> None:
    one, twice = (flip_rate(*columns(some), level=level) for some in (pairs, pairs * 2))
    surer = flip_rate(*columns(pairs), level=level + 0.01)
    assert twice.high - twice.low < one.high - one.low < surer.high - surer.low


def test_orders_that_do_not_match_are_refused_and_no_pair_is_not_enough() -> None:
    with pytest.raises(ValueError, match="both orders"):
        both_orders(np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match="both orders"):
        flip_rate(np.ones(3), np.ones(2))
    assert isinstance(flip_rate(np.array([]), np.array([])), NotEnough)
    assert isinstance(flip_rate(np.ones(20), np.ones(20), clusters=["a", "b"] * 10), NotEnough)
