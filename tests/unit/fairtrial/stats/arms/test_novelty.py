"""The slope of an effect: the weighted regression of statsmodels and metafor, and when it is worth a note."""

from dataclasses import replace
from math import log, sqrt

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.novelty import Novelty, novelty
from fairtrial.stats.effects import Effect

EFFECTS = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 5)), min_size=3, max_size=14)
BCG = [  # latitude; with tuberculosis and without of the vaccinated, and of the others: dat.colditz1994 of metafor
    (44, 4, 119, 11, 128),
    (55, 6, 300, 29, 274),
    (42, 3, 228, 11, 209),
    (52, 62, 13536, 248, 12619),
    (13, 33, 5036, 47, 5761),
    (44, 180, 1361, 372, 1079),
    (19, 8, 2537, 10, 619),
    (13, 505, 87886, 499, 87892),
    (27, 29, 7470, 45, 7232),
    (42, 17, 1699, 65, 1600),
    (18, 186, 50448, 141, 27197),
    (33, 5, 2493, 3, 2338),
    (33, 27, 16886, 29, 17825),
]


def told(days: list[float], effects: list[tuple[float, float]], level: float = 0.95) -> Novelty:
    found = novelty(days, [Effect(value, variance, 100, "d") for value, variance in effects], level=level)
    assert isinstance(found, Novelty)
    return found


def test_tuberculosis_by_latitude_gives_the_numbers_of_van_houwelingen() -> None:
    # van Houwelingen, Arends & Stijnen (2002), Statistics in Medicine 21:589-624, pages 608-609, as metafor's tests
    # have it: log odds ratio = 0.3710 − 0.0327 · latitude, standard error 0.0034, variance between trials 0.0040
    effects = [(log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d + 0.0040) for _, a, b, c, d in BCG]
    found = told([float(row[0]) for row in BCG], effects)
    assert found.slope.value == pytest.approx(-0.0327, abs=5e-5)
    assert (found.slope.high - found.slope.low) / 2 / 1.959964 == pytest.approx(0.0034, abs=5e-5)
    assert found.first == pytest.approx(0.3710 - 0.0327 * 13, abs=1e-3)


@given(EFFECTS, st.sampled_from([0.8, 0.95]))
def test_it_agrees_with_the_weighted_regression_of_statsmodels(
    effects: list[tuple[float, float]], level: float
) -> None:
    days = np.arange(float(len(effects)))
    weights = np.array([1 / v for _, v in effects])
    fit = sm.WLS([value for value, _ in effects], sm.add_constant(days), weights=weights).fit(cov_type="fixed scale")
    found = told(list(days), effects, level)
    low, high = fit.conf_int(1 - level)[1]
    assert (found.slope.value, found.slope.low, found.slope.high) == pytest.approx((fit.params[1], low, high), abs=1e-7)
    assert (found.first, found.last) == pytest.approx((fit.params[0], fit.predict([1, days[-1]])[0]), abs=1e-7)


@given(EFFECTS)
def test_order_of_days_does_not_matter_and_sign_turns_with_the_arms(effects: list[tuple[float, float]]) -> None:
    days = [float(day) for day in range(len(effects))]
    found, shuffled = told(days, effects), told(days[::-1], effects[::-1])
    assert (found.slope.low, found.slope.high) == pytest.approx((shuffled.slope.low, shuffled.slope.high), abs=1e-9)
    turned = told(days, [(-value, variance) for value, variance in effects])
    assert (turned.slope.low, turned.last) == pytest.approx((-found.slope.high, -found.last), abs=1e-9)
    assert turned.fades == found.fades


@given(EFFECTS)
def test_four_times_the_units_narrow_by_two(effects: list[tuple[float, float]]) -> None:
    days = [float(day) for day in range(len(effects))]
    few, many = told(days, effects).slope, told(days, [(value, variance / 4) for value, variance in effects]).slope
    assert many.high - many.low == pytest.approx((few.high - few.low) / 2)


def test_an_effect_that_is_lost_by_more_than_half_fades() -> None:
    days = [float(day) for day in range(7)]
    assert told(days, [(0.10 - 0.010 * day, 1e-4) for day in days]).fades
    assert told(days, [(0.03 - 0.010 * day, 1e-4) for day in days]).fades  # it turns against itself
    assert told(days, [(-0.10 + 0.010 * day, 1e-4) for day in days]).fades
    assert not told(days, [(0.10 - 0.006 * day, 1e-5) for day in days]).fades  # by 36 %
    assert not told(days, [(0.10 + 0.010 * day, 1e-4) for day in days]).fades  # it grows
    assert not told(days, [(0.10 - 0.010 * day, 1e-1) for day in days]).fades  # it can't be told from chance
    assert not told(days, [(0.00 + 0.010 * day, 1e-4) for day in days]).fades  # learnt, not lost


def test_days_without_an_effect_are_left_out() -> None:
    days = [float(day) for day in range(5)]
    effects: list[Effect | NotEnough] = [Effect(0.1 * day, 0.01, 100, "d") for day in days]
    effects[1] = NotEnough("nobody came", "users")
    effects[3] = replace(Effect(9.0, 0.0, 100, "d"))
    found = novelty(days, effects)
    assert isinstance(found, Novelty)
    assert (found.slope.value, found.slope.n) == (pytest.approx(0.1), 300)
    assert isinstance(novelty(days[:4], effects[:4]), NotEnough)
    assert isinstance(novelty([], []), NotEnough)
    assert isinstance(novelty([1.0, 1.0, 1.0], [effects[0]] * 3), NotEnough)
    with pytest.raises(ValueError, match="days must be finite"):
        novelty([0.0, 1.0, float("nan")], effects[2:])
    with pytest.raises(ValueError, match="5 days can't have 4"):
        novelty(days, effects[:4])


def test_days_that_fade_into_each_other_make_the_slope_vary_more_than_it_says() -> None:
    # the docstring's warning, exactly: neighbouring days correlate by 0.5, 14 days, 1.5 times the standard error
    days = np.arange(14.0)
    weights = (days - days.mean()) / ((days - days.mean()) ** 2).sum()
    fading, shared = 0.5 ** abs(np.subtract.outer(days, days)), np.full((14, 14), 0.5) + 0.5 * np.eye(14)
    said = told(list(days), [(0.0, 1.0)] * 14).slope
    error = (said.high - said.low) / 2 / 1.959964
    assert sqrt(weights @ fading @ weights) / error == pytest.approx(1.5, abs=0.05)
    assert sqrt(weights @ shared @ weights) / error == pytest.approx(sqrt(0.5))


def test_its_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(10)
    days = [float(day) for day in range(8)]
    covered = 0
    for _ in range(1500):
        variances = rng.uniform(0.001, 0.01, 8)
        slope = told(
            days, [(0.2 - 0.01 * d + sqrt(v) * rng.normal(), v) for d, v in zip(days, variances, strict=True)]
        ).slope
        covered += slope.low <= -0.01 <= slope.high
    assert 0.933 <= covered / 1500 <= 0.967
