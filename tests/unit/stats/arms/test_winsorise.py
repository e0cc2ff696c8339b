"""Winsorising: as scipy's, one limit for all arms, and never without saying how many were cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mstats

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.winsorise import winsor_limit, winsorise

VALUES = st.lists(st.integers(0, 10_000).map(float), min_size=1, max_size=60)


@given(VALUES, st.sampled_from([0.5, 0.75, 0.9, 0.99, 0.999]))
def test_it_agrees_with_scipy(values: list[float], share: float) -> None:
    limit = winsor_limit(values, share=share)
    assert isinstance(limit, float)
    cut = int((1 - share) * len(values) + 1e-9) / len(values)
    reference = mstats.winsorize(np.array(values), limits=(0, cut), inclusive=(True, False))
    assert winsorise(values, limit).values.tolist() == reference.tolist()


def test_of_ten_thousand_units_the_ten_largest_are_cut() -> None:
    values = np.random.default_rng(6).permutation(10_000).astype(float)
    limit = winsor_limit(values[:4000], values[4000:])
    assert limit == 9989.0
    found = winsorise(values, 9989.0)
    assert (found.cut, found.limit, found.values.max()) == (10, 9989.0, 9989.0)


def test_below_a_thousand_units_nothing_is_cut() -> None:
    values = np.arange(999.0)
    limit = winsor_limit(values)
    assert limit == 998.0
    assert winsorise(values, 998.0).cut == 0


@given(VALUES, VALUES)
def test_order_and_arms_do_not_matter_for_the_limit(one: list[float], other: list[float]) -> None:
    assert winsor_limit(one, other, share=0.9) == winsor_limit(other[::-1], one[::-1], share=0.9)
    assert winsor_limit(one, other, share=0.9) == winsor_limit(one + other, share=0.9)


@given(VALUES)
def test_what_is_not_cut_stays_and_twice_is_once(values: list[float]) -> None:
    once = winsorise(values, 5000.0)
    assert winsorise(once.values, 5000.0).cut == 0
    assert [v for v in values if v <= 5000] == [v for v, w in zip(once.values, values, strict=True) if w <= 5000]


def test_nothing_and_nonsense_have_no_limit() -> None:
    assert isinstance(winsor_limit(), NotEnough)
    assert isinstance(winsor_limit([], []), NotEnough)
    with pytest.raises(ValueError, match="share"):
        winsor_limit([1.0], share=0.0)
    with pytest.raises(ValueError, match="finite"):
        winsor_limit([1.0, float("nan")])
    with pytest.raises(ValueError, match="finite"):
        winsorise([float("inf")], 3.0)
    for limit in (float("nan"), float("-inf")):
        with pytest.raises(ValueError, match="limit"):
            winsorise([1.0, 2.0], limit)
