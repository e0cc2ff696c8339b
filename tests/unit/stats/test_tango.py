"""Tango's interval: published and independent numbers, and what must hold of it for all counts."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.intervals import quantile
from fairtrial.stats.tango import tango, tango_score


def estimate(won: int, lost: int, n: int, level: float = 0.95) -> Estimate:
    found = tango(won, lost, n, level=level)
    assert isinstance(found, Estimate)
    return found


@pytest.mark.parametrize(
    ("won", "lost", "n", "level", "low", "high"),
    [
        (60, 20, 1000, 0.95, 0.0231, 0.0584),  # R PropCIs::scoreci.mp(20, 60, 1000)
        (28, 25, 618, 0.90, -0.0148, 0.0247),  # R PropCIs::scoreci.mp(25, 28, 618)
        (48, 41, 549, 0.90, -0.0157, 0.0414),  # R PropCIs::scoreci.mp(41, 48, 549)
    ],
)
def test_it_gives_the_numbers_of_r(won, lost, n, level, low, high) -> None:
    found = estimate(won, lost, n, level)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def roots_of_yang_sun_and_hardin(won: int, lost: int, n: int, level: float) -> list[float]:
    """Tango's bounds without iteration, as two roots of a quartic (Yang, Sun & Hardin 2012)."""
    g, d, f = quantile(level) ** 2, won - lost, won + lost
    quartic = [
        n**2 * (n / g + 1) ** 2,
        -n * d * (n / g + 1) * (4 * n / g + 1),
        2 * n * d**2 * (3 * n / g + 2) / g - n**2 * (f / g + 1),
        n * d * (2 * f / g + 1) - d**3 * (4 * n / g + 1) / g,
        d**2 * (d**2 / g - f) / g,
    ]
    return sorted(root.real for root in np.roots(quartic) if abs(root.imag) < 1e-6)


@pytest.mark.parametrize(("won", "lost", "n"), [(6, 6, 40), (10, 32, 120), (3, 1, 44), (12, 2, 56), (40, 5, 100)])
def test_it_agrees_with_the_closed_form(won: int, lost: int, n: int) -> None:
    roots = roots_of_yang_sun_and_hardin(won, lost, n, 0.95)
    found = estimate(won, lost, n)
    assert (found.low, found.high) == pytest.approx((roots[0], roots[-1]), abs=1e-9)


def test_the_variance_is_taken_at_the_restricted_maximum_likelihood() -> None:
    won, lost, n, delta = 9, 4, 50, 0.05

    def unlikely(q: float) -> float:
        return -(won * np.log(q + delta) + lost * np.log(q) + (n - won - lost) * np.log(1 - 2 * q - delta))

    best = minimize_scalar(
        unlikely, bounds=(1e-9, (1 - delta) / 2 - 1e-9), method="bounded", options={"xatol": 1e-12}
    ).x
    by_hand = (won - lost - n * delta) / sqrt(n * (2 * best + delta * (1 - delta)))
    assert tango_score(won, lost, n, delta) == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("n", [1, 5, 100, 5000])
def test_without_a_discordant_case_the_bounds_are_those_of_unseen_ones(n: int) -> None:
    z2 = quantile(0.90) ** 2
    found = estimate(0, 0, n, 0.90)
    assert (found.low, found.high) == pytest.approx((-z2 / (n + z2), z2 / (n + z2)), abs=1e-9)


def test_without_a_case_there_is_no_estimate() -> None:
    assert isinstance(tango(0, 0, 0), NotEnough)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="can't be among"):
        tango(3, 3, 5)


COUNTS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 400)).filter(lambda c: sum(c) > 0)


@given(COUNTS)
def test_swapping_the_sides_mirrors_the_interval(counts: tuple[int, int, int]) -> None:
    won, lost, same = counts
    one, other = estimate(won, lost, won + lost + same), estimate(lost, won, won + lost + same)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-8)


@given(COUNTS)
def test_the_interval_holds_the_point_and_stays_within_the_possible(counts: tuple[int, int, int]) -> None:
    won, lost, same = counts
    found = estimate(won, lost, won + lost + same)
    assert -1 <= found.low <= found.value <= found.high <= 1


@given(COUNTS)
def test_four_times_the_cases_make_a_narrower_interval(counts: tuple[int, int, int]) -> None:
    won, lost, same = counts
    few, many = estimate(won, lost, won + lost + same), estimate(4 * won, 4 * lost, 4 * (won + lost + same))
    assert many.high - many.low < few.high - few.low
