"""The difference of two levels: freedom, guards, and what a look reads."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.means import difference, welch
from fairtrial.stats.effects import Effect

NONE = NotEnough("nothing", "something")
VARIANCES = st.floats(1e-6, 1e6)


def level(value: float, variance: float, n: int = 100, not_yet: NotEnough | None = None) -> Effect:
    return Effect(value, variance, n, "level", n - 1, not_yet)


def test_what_is_missing_is_told_control_first() -> None:
    other = NotEnough("other", "else")
    assert difference(NONE, other, method="d") is NONE
    assert difference(level(1, 1), other, method="d") is other


def test_few_units_are_told_before_what_a_level_lacks() -> None:
    found = difference(level(1, 1, n=10, not_yet=NONE), level(1, 1), method="d")
    assert isinstance(found, Effect)
    assert found.not_yet is not None
    assert found.not_yet.needed == "20 more units in it"
    lacking = difference(level(1, 1), level(1, 1, not_yet=NONE), method="d")
    assert isinstance(lacking, Effect)
    assert lacking.not_yet is NONE


@given(VARIANCES, VARIANCES, st.integers(2, 500), st.integers(2, 500))
def test_the_freedom_lies_between_the_smaller_arm_and_both(one: float, other: float, m: int, n: int) -> None:
    found = welch((one, m - 1), (other, n - 1))
    assert (min(m, n) - 1) * (1 - 1e-9) <= found <= (m + n - 2) * (1 + 1e-9)


def test_without_variance_or_with_a_known_one_the_freedom_has_no_end() -> None:
    assert welch((0.0, 3), (0.0, 5)) == inf
    assert welch((1.0, inf), (2.0, inf)) == inf
    assert welch((0.0, 3), (2.0, 5)) == 5


def test_a_look_reads_students_variance_where_it_is_larger() -> None:
    small, large = np.random.default_rng(1).normal(0, 1, 40), np.random.default_rng(2).normal(0, 3, 400)
    control, treatment = (level(float(x.mean()), float(x.var(ddof=1)) / len(x), len(x)) for x in (large, small))
    found = difference(control, treatment, method="d")
    assert isinstance(found, Effect)
    assert found.watched is not None
    student = stats.ttest_ind(small, large)
    error = (student.confidence_interval(0.95).high - found.value) / stats.t.ppf(0.975, 438)
    assert found.watched == pytest.approx(error**2, rel=0.01)
    assert found.watched > found.variance
