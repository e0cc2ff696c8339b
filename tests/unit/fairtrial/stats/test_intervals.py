"""Exact intervals and Tango's against statsmodels and published numbers, and rates at a fixed false-positive rate."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, multinomial
from statsmodels.stats.proportion import proportion_confint

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.intervals import clopper_pearson, enumerated_p, quantile, tango, tango_score, tpr_at_fpr
from tests.fixtures.for_each import for_each


@for_each(("successes", "n"), [(0, 10), (1, 100), (9, 10), (10, 10), (37, 120)])
@for_each("level", [0.9, 0.95])
def test_the_exact_interval_is_that_of_statsmodels(successes: int, n: int, level: float) -> None:
    interval = clopper_pearson(successes, n, level=level)
    low, high = proportion_confint(successes, n, alpha=1 - level, method="beta")
    assert isinstance(interval, Estimate)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-9)


def test_the_exact_interval_covers_at_least_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    for share in (0.02, 0.3, 0.95):
        drawn = [clopper_pearson(int(successes), 40) for successes in random.binomial(40, share, 1000)]
        covered = [draw.low <= share <= draw.high for draw in drawn if isinstance(draw, Estimate)]
        assert sum(covered) / 1000 >= 0.95


def test_the_threshold_is_exceeded_by_at_most_one_percent_of_the_controls() -> None:
    controls = np.arange(200) / 200
    rates = tpr_at_fpr(np.array([0.5, 0.991, 1.2]), controls)
    assert not isinstance(rates, NotEnough)
    assert rates.fpr.value == 0.01 and rates.threshold == 0.985
    assert rates.tpr.value == pytest.approx(2 / 3)
    assert rates.detected and not tpr_at_fpr(np.array([0.5, 0.991]), controls).detected


def test_equal_scores_of_controls_count_as_one_threshold() -> None:
    rates = tpr_at_fpr(np.ones(30), np.array([0.0] * 95 + [1.0] * 5))
    assert not isinstance(rates, NotEnough)
    assert rates.threshold == 1.0 and rates.tpr.value == 0 and rates.fpr.value == 0


def test_too_few_controls_or_no_member_are_not_enough() -> None:
    assert isinstance(tpr_at_fpr(np.ones(5), np.zeros(99)), NotEnough)
    assert isinstance(tpr_at_fpr(np.ones(0), np.zeros(100)), NotEnough)
    assert isinstance(clopper_pearson(0, 0), NotEnough)
    with pytest.raises(ValueError, match="can't be among"):
        clopper_pearson(3, 2)


def estimate(won: int, lost: int, n: int, level: float = 0.95) -> Estimate:
    interval = tango(won, lost, n, level=level)
    assert isinstance(interval, Estimate)
    return interval


@pytest.mark.parametrize(
    ("won", "lost", "n", "level", "low", "high"),
    [
        (60, 20, 1000, 0.95, 0.0231, 0.0584),  # R PropCIs::scoreci.mp(20, 60, 1000)
        (28, 25, 618, 0.90, -0.0148, 0.0247),  # R PropCIs::scoreci.mp(25, 28, 618)
        (48, 41, 549, 0.90, -0.0157, 0.0414),  # R PropCIs::scoreci.mp(41, 48, 549)
    ],
)
def test_it_gives_the_numbers_of_r(won, lost, n, level, low, high) -> None:
    interval = estimate(won, lost, n, level)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-5)


def test_it_gives_the_numbers_of_tango() -> None:
    # Tango (1998), section 6.1, table V: 43 both effective, 1 only the standard; Z at a margin of 0.1, lower 90 % limit
    assert tango_score(0, 1, 44, -0.1) == pytest.approx(1.709, abs=5e-4)
    assert estimate(0, 1, 44, 0.90).low == pytest.approx(-0.096, abs=5e-4)


def test_it_gives_the_numbers_of_fagerland() -> None:
    # Fagerland, Lydersen & Laake, R package contingencytables, test-ch8.R: Cavo et al. (2012), 59, 6, 16, 80
    interval = estimate(6, 16, 161)
    assert (interval.value, interval.low, interval.high) == pytest.approx((-0.0621, -0.1240, -0.0054), abs=6e-5)


def test_it_agrees_with_the_wald_interval_where_there_are_many() -> None:
    # Agresti (1990), p. 350, presidential approval of 1,600 people: 794 twice, 150 then not, 86 then, 570 never
    interval, error = estimate(86, 150, 1600), sqrt((86 + 150) - (86 - 150) ** 2 / 1600) / 1600
    assert interval.value == -0.04
    assert (interval.low, interval.high) == pytest.approx((-0.04 - 1.96 * error, -0.04 + 1.96 * error), abs=5e-4)


def coverage(n: int, up: float, down: float, *, level: float) -> float:
    """The exact chance that the interval holds up − down, the shares of both kinds of flips, by enumeration."""
    z, held, seen = quantile(level), 0.0, 0.0
    for flips, share in enumerate(binom.pmf(np.arange(n + 1), n, up + down)):
        if share < 1e-8:
            continue
        for won, part in enumerate(binom.pmf(np.arange(flips + 1), flips, up / (up + down))):
            seen += share * part
            held += share * part * (abs(tango_score(won, flips - won, n, up - down)) <= z)
    return held / seen


FLIPS = [(flips, gap) for flips in (0.1, 0.2, 0.4) for gap in (0.0, 0.05, 0.1) if gap < flips]


@pytest.mark.parametrize("n", [40, 100, 150, 400])
def test_it_covers_94_to_97_percent_where_some_flips_are_to_be_expected(n: int) -> None:
    result = {
        (flips, gap): coverage(n, (flips + gap) / 2, (flips - gap) / 2, level=0.95)
        for flips, gap in FLIPS
        if n * (flips - gap) / 2 >= 2.5
    }
    assert all(0.94 <= share <= 0.97 for share in result.values()), result


def test_where_hardly_a_flip_is_expected_it_still_covers() -> None:
    assert coverage(40, 0.025, 0.025, level=0.95) > 0.97
    assert coverage(40, 0.035, 0.015, level=0.95) > 0.97
    assert coverage(150, 0.035, 0.015, level=0.95) > 0.935


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 60), st.floats(-0.9, 0.9))
def test_a_difference_is_held_just_where_its_score_is_small(won: int, lost: int, same: int, delta: float) -> None:
    n = won + lost + same
    if n == 0:
        return
    interval, score = estimate(won, lost, n), abs(tango_score(won, lost, n, delta))
    if abs(score - quantile(0.95)) > 1e-6:
        assert (interval.low <= delta <= interval.high) == (score < quantile(0.95))


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


@for_each(("won", "lost", "n"), [(6, 6, 40), (10, 32, 120), (3, 1, 44), (12, 2, 56), (40, 5, 100)])
def test_it_agrees_with_the_closed_form(won: int, lost: int, n: int) -> None:
    roots = roots_of_yang_sun_and_hardin(won, lost, n, 0.95)
    interval = estimate(won, lost, n)
    assert (interval.low, interval.high) == pytest.approx((roots[0], roots[-1]), abs=1e-9)


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
    interval = estimate(0, 0, n, 0.90)
    assert (interval.low, interval.high) == pytest.approx((-z2 / (n + z2), z2 / (n + z2)), abs=1e-9)


def test_without_a_case_there_is_no_estimate() -> None:
    assert isinstance(tango(0, 0, 0), NotEnough)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="can't be among"):
        tango(3, 3, 5)


COUNTS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 400)).filter(lambda c: sum(c) > 0)


@given(COUNTS)
def test_swapping_the_sides_mirrors_the_interval(counts: tuple[int, int, int]) -> None:
    won, lost, same = counts
    first, second = estimate(won, lost, won + lost + same), estimate(lost, won, won + lost + same)
    assert (first.low, first.high) == pytest.approx((-second.high, -second.low), abs=1e-8)


@given(COUNTS)
def test_the_interval_holds_the_point_and_stays_within_the_possible(counts: tuple[int, int, int]) -> None:
    won, lost, same = counts
    interval = estimate(won, lost, won + lost + same)
    assert -1 <= interval.low <= interval.value <= interval.high <= 1


@given(COUNTS)
def test_four_times_the_cases_make_a_narrower_interval(counts: tuple[int, int, int]) -> None:
    won, lost, same = counts
    few, many = estimate(won, lost, won + lost + same), estimate(4 * won, 4 * lost, 4 * (won + lost + same))
    assert many.high - many.low < few.high - few.low


@given(COUNTS)
def test_a_higher_level_holds_a_lower_one(counts: tuple[int, int, int]) -> None:
    won, lost, same = counts
    low, high = estimate(won, lost, won + lost + same, 0.90), estimate(won, lost, won + lost + same, 0.99)
    assert high.low <= low.low <= low.high <= high.high


def test_a_score_at_a_difference_of_nearly_nothing_is_nearly_nothing() -> None:
    assert tango_score(0, 0, 1, 9.5e-212) == pytest.approx(0, abs=1e-100)
    assert tango_score(0, 0, 10**9, 1e-17) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(("won", "lost", "n"), [(-1, 0, 5), (0, 0, -5), (3, 3, 5), (float("nan"), 0, 5)])
def test_counts_that_can_not_be_are_refused(won: int, lost: int, n: int) -> None:
    with pytest.raises(ValueError, match="can't be among"):
        tango(won, lost, n)


def test_beyond_the_margin_the_enumerated_p_errs_as_often_as_it_says() -> None:
    """100 cases, 3 points worse, by summing over all outcomes: the score's p errs in over 8 %."""
    n, margin = 100, 0.03
    outcomes = [(won, lost) for won in range(8) for lost in range(won, 24)]
    score = [tango_score(won, lost, n, -margin) < -quantile(0.90) for won, lost in outcomes]
    enumerated = [enumerated_p(won, lost, n, -margin) <= 0.05 for won, lost in outcomes]
    for gaining in (0.0, 0.005, 0.01):
        shares = [gaining, gaining + margin, 1 - 2 * gaining - margin]
        chance = multinomial.pmf([(won, lost, n - won - lost) for won, lost in outcomes], n, shares)
        assert 0.08 < chance @ score < 0.09
        assert 0.025 < chance @ enumerated < 0.054


@for_each(("won", "lost", "n", "delta"), [(0, 6, 60, -0.05), (3, 14, 100, -0.05), (9, 1, 60, 0.05), (0, 0, 30, -0.1)])
def test_the_enumerated_p_is_the_sum_over_all_outcomes(won: int, lost: int, n: int, delta: float) -> None:
    """Against the likelihood maximised numerically and every outcome of three kinds."""
    if delta > 0:
        assert enumerated_p(won, lost, n, delta) == enumerated_p(lost, won, n, -delta)
        won, lost, delta = lost, won, -delta

    def unlikely(gaining: float) -> float:
        return -multinomial.logpmf([won, lost, n - won - lost], n, [gaining, gaining - delta, 1 - 2 * gaining + delta])

    gaining = minimize_scalar(unlikely, bounds=(0, (1 + delta) / 2), method="bounded", options={"xatol": 1e-10}).x
    observed = tango_score(won, lost, n, delta) + 1e-9
    extreme = [
        (a, b, n - a - b) for a in range(n + 1) for b in range(n - a + 1) if tango_score(a, b, n, delta) <= observed
    ]
    expected = multinomial.pmf(extreme, n, [gaining, gaining - delta, 1 - 2 * gaining + delta]).sum()
    assert enumerated_p(won, lost, n, delta) == pytest.approx(expected, abs=1e-5)
