"""Rates of two arms: published intervals, the likeliest rates without a difference, and what holds for any counts."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, score_test_proportions_2indep

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid, at_most
from fairtrial.stats.arms.means import rate, rate_difference
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.sums import Successes
from tests.fixtures.for_each import for_each


@st.composite
def arms(draw: st.DrawFn, least: int = 1) -> Successes:
    n = draw(st.integers(least, 3000))
    return Successes(n, draw(st.integers(0, n)))


def bounds(result: Estimate | NotEnough) -> tuple[float, float]:
    assert isinstance(result, Estimate)
    return result.low, result.high


def effect(result: Effect | NotEnough) -> Effect:
    assert isinstance(result, Effect)
    return result


@given(arms(30), arms(30))
def test_the_fixed_interval_is_walds_as_in_statsmodels(control: Successes, treatment: Successes) -> None:
    difference = effect(rate_difference(control, treatment))
    assume(difference.variance > 0)
    reference = confint_proportions_2indep(
        treatment.successes, treatment.n, control.successes, control.n, method="wald"
    )
    assert bounds(fixed(difference)) == pytest.approx(np.clip(reference, -1, 1), abs=1e-9)


def test_the_fixed_interval_of_seven_and_one_in_34_is_that_of_fagerland() -> None:
    # Fagerland, Lydersen & Laake (2015), Stat. Methods Med. Res. 24:224-254, as quoted in statsmodels' tests of
    # confint_proportions_2indep: 7 of 34 and 1 of 34, Wald 0.029 to 0.324
    control, treatment = Successes(34, 1), Successes(34, 7)
    assert bounds(fixed(rate_difference(control, treatment))) == pytest.approx((0.029, 0.324), abs=6e-4)


def test_looks_at_arms_of_one_size_read_the_pooled_variance() -> None:
    # by hand: p = 0.15, V = 2 · 0.15 · 0.85 / 1000
    difference = effect(rate_difference(Successes(1000, 100), Successes(1000, 200)))
    assert (difference.value, difference.watched) == pytest.approx((0.1, 0.000255))


@for_each("scale", [0.5, 1.1, 1.5, 3.0])
@for_each(("control", "treatment"), [((900, 90), (100, 4)), ((500, 40), (700, 60)), ((90, 30), (900, 60))])
def test_the_likeliest_rates_without_a_difference_agree_with_statsmodels(
    control: tuple[int, int], treatment: tuple[int, int], scale: float
) -> None:
    a, b = Successes(*control), Successes(*treatment)
    reference = score_test_proportions_2indep(
        b.successes, b.n, a.successes, a.n, value=scale, compare="ratio", correction=False
    )
    base, most = float(reference.prop2_null), float(reference.prop1_null)
    assert most == pytest.approx(scale * base)
    null = scale**2 * base * (1 - base) / a.n + most * (1 - most) / b.n
    seen = scale**2 * a.rate * (1 - a.rate) / a.n + b.rate * (1 - b.rate) / b.n
    assert effect(rate_difference(a, b, scale=scale)).watched == pytest.approx(max(null, seen), rel=1e-9)


def test_the_small_arm_is_not_trusted_when_it_is_unlucky() -> None:
    # 10 where 20 were to be expected: 2.9 standard errors as seen, 2.2 if there were no difference
    difference = effect(rate_difference(Successes(18_000, 180), Successes(2_000, 10)))
    assert difference.watched is not None
    assert difference.value / sqrt(difference.variance) == pytest.approx(-2.87, abs=0.01)
    assert difference.value / sqrt(difference.watched) == pytest.approx(-2.19, abs=0.01)
    half = always_valid(difference, tau=0.002)
    assert half == always_valid(replace(difference, variance=difference.watched), tau=0.002)


@given(arms(30), arms(30))
def test_swapping_the_arms_turns_the_sign(control: Successes, treatment: Successes) -> None:
    there, back = effect(rate_difference(control, treatment)), effect(rate_difference(treatment, control))
    assert there.value == -back.value
    assert (there.variance, there.watched) == pytest.approx((back.variance, back.watched))


@given(arms(30), arms(30))
def test_counting_failures_instead_turns_the_sign(control: Successes, treatment: Successes) -> None:
    flipped = [Successes(arm.n, arm.n - arm.successes) for arm in (control, treatment)]
    there, back = effect(rate_difference(control, treatment)), effect(rate_difference(*flipped))
    assert there.value == pytest.approx(-back.value)
    assert (there.variance, there.watched) == pytest.approx((back.variance, back.watched), rel=1e-6, abs=1e-15)


@given(arms(30), arms(30))
def test_four_times_the_units_halve_the_error(control: Successes, treatment: Successes) -> None:
    more = [Successes(4 * arm.n, 4 * arm.successes) for arm in (control, treatment)]
    few, many = effect(rate_difference(control, treatment)), effect(rate_difference(*more))
    assert few.watched is not None
    assert (many.variance, many.watched) == pytest.approx((few.variance / 4, few.watched / 4), abs=1e-15)
    assert many.value == pytest.approx(few.value)


def test_no_interval_leaves_what_a_difference_of_rates_can_be() -> None:
    assert bounds(fixed(rate_difference(Successes(5, 1), Successes(5, 4))))[1] == 1
    early = rate_difference(Successes(40, 20), Successes(40, 20))
    assert bounds(always_valid(early, tau=0.02)) == (-1, 1)
    assert bounds(at_most(early, tau=0.02))[1] == 1
    assert bounds(always_valid(rate_difference(Successes(40, 20), Successes(40, 20), scale=1.2), tau=0.02)) == (-1.2, 1)
    assert str(fixed(rate(Successes(5, 4)))) == "0.8 (0.4494 to 1; 95 %, n = 5, rate)"


def test_looks_wait_for_units_events_and_units_without_it() -> None:
    fine = Successes(1000, 100)
    for poor in [Successes(29, 14), Successes(1000, 9), Successes(1000, 991)]:
        for result in (rate_difference(fine, poor), rate_difference(poor, fine)):
            assert isinstance(always_valid(result, tau=0.02), NotEnough)
            assert isinstance(fixed(result), Estimate)
    assert isinstance(always_valid(rate_difference(fine, fine), tau=0.02), Estimate)
    assert effect(rate(fine)).not_yet is None
    assert effect(rate(Successes(29, 14))).not_yet is not None


def test_no_event_at_all_is_not_certainty() -> None:
    none = Successes(500, 0)
    assert isinstance(fixed(rate_difference(none, none)), NotEnough)
    assert isinstance(always_valid(rate_difference(none, none), tau=0.01), NotEnough)


def test_no_unit_has_no_rate() -> None:
    empty, some = Successes(0, 0), Successes(100, 50)
    assert isinstance(rate(empty), NotEnough)
    for pair in [(empty, some), (some, empty)]:
        assert isinstance(rate_difference(*pair), NotEnough)


def test_a_relative_margin_is_about_the_scaled_control() -> None:
    difference = effect(rate_difference(Successes(1000, 100), Successes(1000, 110), scale=1.1))
    assert difference.value == pytest.approx(0.0)
    assert difference.method == "difference of rates, control times 1.1"
    with pytest.raises(ValueError, match="scaled"):
        rate_difference(Successes(10, 1), Successes(10, 1), scale=0.0)


def test_a_small_arm_is_rarely_called_worse_in_a_trial_without_a_difference() -> None:
    rng = np.random.default_rng(25)
    wrong = 0
    for _ in range(200):
        event, small = rng.random(6000) < 0.1, rng.random(6000) < 0.1
        units, events = ([np.cumsum(which & chosen) for chosen in (~small, small)] for which in (event | True, event))
        for look in range(600, 6000, 50):
            difference = rate_difference(
                *(Successes(int(n[look]), int(k[look])) for n, k in zip(units, events, strict=True))
            )
            closed = at_most(difference, tau=0.05, alpha=0.05)
            if isinstance(closed, Estimate) and closed.high < 0:
                wrong += 1
                break
    assert wrong / 200 <= 0.05
