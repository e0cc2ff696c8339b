"""Amounts: the sums up to a frozen limit, the units above it, and sums that no amounts have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.stats.arms.amounts import Amounts, amount_difference
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.effects import Effect
from fairtrial.stats.sums import JointMoments, Moments, Successes

AMOUNTS = st.lists(st.integers(0, 1_000).map(float), max_size=40)


@given(AMOUNTS, AMOUNTS)
def test_parts_add_up_to_the_whole(one: list[float], more: list[float]) -> None:
    whole = Amounts.of(one + more, limit=100)
    assert Amounts.of(one, limit=100) + Amounts.of(more, limit=100) == whole
    assert whole.capped == Moments.of(np.minimum([*one, *more], 100))
    assert whole.share_above == Successes(len(one + more), sum(each > 100 for each in one + more))


def test_a_unit_at_the_limit_is_not_above_it() -> None:
    assert Amounts.of([5.0, 5.1], limit=5) == Amounts(Moments(2, 10.0, 50.0), above=1, limit=5.0)


def test_how_far_above_the_limit_does_not_count() -> None:
    assert Amounts.of([1, 2, 11], limit=10) == Amounts.of([1, 2, 1e9], limit=10)


@pytest.mark.parametrize("amounts", [[-1.0, 2.0], [float("nan")], [float("inf")]])
def test_amounts_are_finite_and_not_below_0(amounts: list[float]) -> None:
    with pytest.raises(ValueError, match=r"0 or more|finite"):
        Amounts.of(amounts, limit=5)


def test_sums_that_no_amounts_have_are_refused() -> None:
    with pytest.raises(ValueError, match="cap them"):
        Amounts(Moments.of([1.0, 9.0]), above=1, limit=5)
    for above in (-1, 3, 2):  # two above the limit of 5 cost 10 together
        with pytest.raises(ValueError, match="can't be above"):
            Amounts(Moments.of([5.0, 1.0]), above=above, limit=5)
    for limit in (0.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="limit"):
            Amounts.of([1.0], limit=limit)
    with pytest.raises(ValueError, match="limits 5 and 6"):
        Amounts.of([1.0], limit=5) + Amounts.of([1.0], limit=6)


def test_earlier_amounts_are_capped_and_add_up() -> None:
    one, more = [1.0, 7.0, 3.0], [2.0, 9.0]
    before, earlier = [4.0, 8.0, 0.0], [6.0, 1.0]
    whole = Amounts.of(one + more, limit=5, earlier=before + earlier)
    assert Amounts.of(one, limit=5, earlier=before) + Amounts.of(more, limit=5, earlier=earlier) == whole
    assert whole.with_earlier == JointMoments.of([1, 5, 3, 2, 5], [4, 5, 0, 5, 1])
    assert (whole + Amounts.of(one, limit=5)).with_earlier is None
    with pytest.raises(ValueError, match="3 of 5 units have an earlier amount"):
        Amounts(whole.capped, 0, 5.0, JointMoments.of([1, 2, 3], [1, 2, 3]))


def test_earlier_amounts_leave_less_variance_and_the_same_effect_where_the_arms_were_alike() -> None:
    rng = np.random.default_rng(4)
    before = rng.gamma(2.0, 1.0, (2, 2_000))
    before[1] = before[0]
    after = before + rng.gamma(2.0, 0.5, (2, 2_000))
    arms = [Amounts.of(x, limit=20, earlier=y) for x, y in zip(after, before, strict=True)]
    for scale in (1.0, 1.2):
        found = amount_difference(arms[0], arms[1], scale=scale)
        plain = mean_difference(arms[0].capped, arms[1].capped, within=(0.0, 20.0), scale=scale)
        assert isinstance(found, Effect) and isinstance(plain, Effect)
        assert found.variance < 0.35 * plain.variance
        assert found.value == pytest.approx(plain.value)
    without = Amounts(arms[1].capped, arms[1].above, 20.0)
    assert amount_difference(arms[0], without) == mean_difference(arms[0].capped, without.capped, within=(0.0, 20.0))
