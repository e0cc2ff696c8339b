"""Sums that add: adding them is pooling the data, and what they say agrees with numpy."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from fairtrial.stats.sums import JointMoments, Moments, Successes

numbers = st.lists(st.floats(-1e4, 1e4).map(lambda x: round(x, 4)), min_size=2, max_size=30)
booleans = st.lists(st.booleans(), max_size=40)
pairs = st.lists(st.tuples(st.floats(-99, 99), st.floats(-99, 99)), min_size=2, max_size=30)


@given(booleans, booleans)
def test_adding_successes_is_pooling(first: list[bool], second: list[bool]) -> None:
    added = Successes(len(first), sum(first)) + Successes(len(second), sum(second))
    assert added == Successes(len(first + second), sum(first + second))


@given(numbers, numbers)
def test_adding_moments_is_pooling_in_any_order(first: list[float], second: list[float]) -> None:
    added, pooled = Moments.of(first) + Moments.of(second), Moments.of(first + second)
    for result in (added, Moments.of(second) + Moments.of(first), Moments.of(sorted(first + second))):
        assert (result.n, result.x, result.xx) == pytest.approx((pooled.n, pooled.x, pooled.xx), rel=1e-9, abs=1e-6)


@given(numbers)
def test_moments_agree_with_numpy(values: list[float]) -> None:
    moments = Moments.of(values)
    assert moments.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert moments.variance == pytest.approx(np.var(values, ddof=1), rel=1e-6, abs=1e-6 * max(1.0, moments.xx))


@given(pairs)
def test_joint_moments_agree_with_numpy_and_are_symmetric(values: list[tuple[float, float]]) -> None:
    x, y = zip(*values, strict=True)
    moments, swapped = JointMoments.of(x, y), JointMoments.of(y, x)
    expected = np.cov(x, y)
    assert moments.covariance == pytest.approx(expected[0, 1], rel=1e-6, abs=1e-6)
    assert moments.covariance == pytest.approx(swapped.covariance)
    assert moments.first == Moments.of(x)
    assert moments.second.variance == pytest.approx(expected[1, 1], rel=1e-6, abs=1e-6)


@given(pairs, pairs)
def test_adding_joint_moments_is_pooling(first: list[tuple[float, float]], second: list[tuple[float, float]]) -> None:
    parts = [JointMoments.of(*zip(*part, strict=True)) for part in (first, second)]
    pooled = JointMoments.of(*zip(*(first + second), strict=True))
    added = parts[0] + parts[1]
    assert added.covariance == pytest.approx(pooled.covariance, rel=1e-6, abs=1e-6)
    assert (added.n, added.xy) == pytest.approx((pooled.n, pooled.xy), abs=1e-6)


def test_equal_values_have_no_variance_however_large_they_are() -> None:
    assert Moments.of([1e9 + 0.1] * 1000).variance == 0
    assert JointMoments.of([0.1] * 50, np.arange(50)).covariance == 0


def test_what_is_no_number_and_no_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        Moments.of([1.0, float("nan")])
    with pytest.raises(ValueError, match="2 and 1"):
        JointMoments.of([1.0, 2.0], [1.0])
    for wrong in ((-1, 0.0, 0.0), (3, float("nan"), 1.0), (3, 1.0, -1.0)):
        with pytest.raises(ValueError, match="finite"):
            Moments(*wrong)
    with pytest.raises(ValueError, match="finite"):
        Moments.of([1e200, 2e200])
    with pytest.raises(ValueError, match="finite"):
        JointMoments.of([1e200, 2e200], [1.0, 2.0])
    with pytest.raises(ValueError, match="no mean"):
        Moments.of([]).mean  # noqa: B018
    with pytest.raises(ValueError, match="no rate"):
        Successes(0, 0).rate  # noqa: B018
    with pytest.raises(ValueError, match="successes"):
        Successes(n=3, successes=4)
