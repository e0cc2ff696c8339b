"""Effects at a single look, against published numbers, and how often a steady effect seems to fade."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_UNITS
from fairtrial.stats.effects import Effect, fixed, line_ahead, too_few
from tests.fixtures.for_each import for_each


def test_it_gives_the_interval_of_students_sleep_data() -> None:
    # Student (1908), Biometrika 6:1-25, hours of sleep gained, n = 10, as R's t.test(extra ~ group, data = sleep,
    # paired = TRUE) prints it: mean difference 1.58, 95 per cent confidence interval 0.7001142 to 2.4598858
    gained = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    mean = sum(gained) / 10
    variance = sum((x - mean) ** 2 for x in gained) / 9 / 10
    interval = fixed(Effect(mean, variance, 10, "mean difference", freedom=9))
    assert isinstance(interval, Estimate)
    assert (interval.value, interval.low, interval.high) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-6)


@given(st.floats(-5, 5), st.floats(1e-6, 9), st.one_of(st.just(inf), st.floats(1, 1e4)), st.floats(0.5, 0.99))
def test_it_agrees_with_scipy(value: float, variance: float, freedom: float, level: float) -> None:
    interval = fixed(Effect(value, variance, 9, "difference", freedom=freedom), level=level)
    expected = (
        stats.norm.interval(level, value, sqrt(variance))
        if freedom == inf
        else stats.t.interval(level, freedom, value, sqrt(variance))
    )
    assert isinstance(interval, Estimate)
    assert (interval.low, interval.high) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert not interval.always_valid


@given(st.floats(0.01, 4), st.floats(1, 50))
def test_more_freedom_and_less_variance_narrow_it(variance: float, freedom: float) -> None:
    def width(variance: float, freedom: float) -> float:
        interval = fixed(Effect(0.0, variance, 9, "difference", freedom=freedom))
        assert isinstance(interval, Estimate)
        return interval.high - interval.low

    assert width(variance, freedom + 1) < width(variance, freedom)
    assert width(variance / 2, freedom) < width(variance, freedom)


def test_units_that_are_all_equal_have_no_interval() -> None:
    assert isinstance(fixed(Effect(1.0, 0.0, 40, "difference")), NotEnough)
    nothing = NotEnough("nothing", "something")
    assert fixed(nothing) is nothing


@for_each(
    "wrong", [{"value": float("nan")}, {"value": inf}, {"variance": -1.0}, {"variance": float("nan")}, {"freedom": 0.0}]
)
def test_an_invalid_estimate_is_refused(wrong: dict[str, float]) -> None:
    fields: dict[str, float] = {"value": 1.0, "variance": 0.1} | wrong
    with pytest.raises(ValueError, match="not an estimate"):
        Effect(n=40, method="difference", **fields)  # type: ignore[arg-type]


def test_one_planned_look_needs_no_thirty_units_but_more_looks_do() -> None:
    early = Effect(1.0, 0.1, 20, "difference", freedom=18, not_yet=too_few(10, 10))
    assert isinstance(fixed(early), Estimate)
    assert too_few(MIN_UNITS, MIN_UNITS) is None
    missing = too_few(200, 12, units="users")
    assert missing is not None
    assert "12 users" in missing.reason
    assert "18 more" in missing.needed


@pytest.mark.parametrize("times", [2, 3, 7])
def test_the_line_is_that_of_numpy(times: int) -> None:
    rng = np.random.default_rng(times)
    value, weight = rng.normal(size=times), rng.uniform(1, 9, times)
    line = np.polynomial.Polynomial.fit(np.arange(times), value, 1, w=np.sqrt(weight))
    assert line_ahead(list(zip(value, weight, strict=True))) == pytest.approx(line(times + 1))


def test_a_time_without_an_effect_keeps_its_place() -> None:
    assert line_ahead([(1.0, 1.0), None, (2.0, 1.0)]) == pytest.approx(3.0)
    assert line_ahead([(1.0, 1.0), (2.0, 1.0), None]) == pytest.approx(5.0)
    assert line_ahead([(1.0, 1.0), None]) is line_ahead([]) is None
