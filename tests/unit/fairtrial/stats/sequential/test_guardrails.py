"""Guardrails: what each answer needs, in which order they go, and how often they are wrong."""

from dataclasses import replace
from math import inf, log

import numpy as np
import pytest
from hypothesis import given, strategies as st

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.e_values import EValue
from fairtrial.stats.effects import Effect, too_few
from fairtrial.stats.sequential.conversions import conversion_harm
from fairtrial.stats.sequential.guardrails import Limits, guardrail, rare_guardrail, relative_guardrail
from fairtrial.stats.sums import Moments
from tests.fixtures.for_each import for_each

NOTHING = NotEnough("nothing", "something")
values = st.floats(-0.2, 0.2)
errors = st.floats(0.002, 0.1)


def effect(value: float, error: float) -> Effect:
    return Effect(value, error**2, 900, "difference of rates")


def test_errors_above_none_and_below_the_margin_stop_and_are_safe() -> None:
    finding = guardrail(effect(0.010, 0.001), Limits(margin=0.02, stop_margin=0.0))
    assert finding.answer == "harm"
    assert finding.harmed
    assert finding.not_worse


def test_the_margin_stops_unless_another_is_given() -> None:
    worse = effect(0.010, 0.001)
    assert guardrail(worse, Limits(margin=0.02)).answer == "safe"
    assert guardrail(worse, Limits(margin=0.005)).answer == "harm"
    assert guardrail(effect(0.02, 0.01), Limits(margin=0.02)).answer == "cannot tell"


@given(values, errors, st.floats(0.005, 0.1), st.floats(0, 0.1))
def test_what_is_bad_upwards_mirrors_what_is_bad_downwards(
    value: float, error: float, margin: float, stop: float
) -> None:
    skewed = replace(effect(value, error), unseen=(error**2, 0.5 * error**2))
    mirrored = replace(effect(-value, error), unseen=(0.5 * error**2, error**2))
    up = guardrail(skewed, Limits(margin, stop))
    down = guardrail(mirrored, Limits(margin, stop, bad="down"))
    assert (up.harmed, up.not_worse, up.answer) == (down.harmed, down.not_worse, down.answer)
    assert isinstance(up.harm, Estimate) and isinstance(down.harm, Estimate)
    assert (up.harm.low, up.harm.high, down.harm.low) == (-down.harm.high, inf, -inf)
    assert up.evidence == down.evidence


@given(values, errors, st.floats(0.005, 0.1), st.floats(0, 0.1), st.sampled_from([0.01, 0.05]))
def test_harm_is_found_just_where_its_evidence_reaches_its_limit(
    value: float, error: float, margin: float, stop: float, alpha: float
) -> None:
    limits = Limits(margin, stop, alpha=alpha, guardrails=2)
    finding = guardrail(effect(value, error), limits)
    assert isinstance(finding.evidence, EValue)
    if abs(finding.evidence.log_e + log(alpha / 2)) > 1e-9:
        assert finding.harmed == finding.evidence.rejects(alpha / 2)


@given(values, errors, st.floats(0.005, 0.1))
def test_more_guardrails_stop_less_and_leave_the_safe_side_as_it_is(value: float, error: float, margin: float) -> None:
    alone, many = (guardrail(effect(value, error), Limits(margin, guardrails=g)) for g in (1, 5))
    assert many.harmed <= alone.harmed
    assert many.safe == alone.safe
    assert isinstance(alone.harm, Estimate) and isinstance(many.harm, Estimate)
    assert many.harm.low < alone.harm.low
    assert many.harm.level == pytest.approx(0.98)


@given(values, errors)
def test_a_wider_margin_is_sooner_safe_and_later_harm(value: float, error: float) -> None:
    narrow, wide = (guardrail(effect(value, error), Limits(margin), tau=0.03) for margin in (0.01, 0.05))
    assert narrow.not_worse <= wide.not_worse
    assert wide.harmed <= narrow.harmed


def test_a_relative_margin_holds_treatment_against_a_scaled_control() -> None:
    control = Moments(400, 40_000.0, 4_160_000.0)  # mean 100, deviation 20
    scales = []

    def slower(scale: float) -> Effect:
        scales.append(scale)
        return Effect(112 - 100 * scale, control.variance / 400 * (1 + scale**2), 800, "difference of means")

    finding = relative_guardrail(slower, Limits(margin=0.10, stop_margin=0.05), tau=10.0)
    assert scales == [1.05, 1.10]
    assert finding.answer == "harm"
    assert isinstance(finding.harm, Estimate)
    assert finding.harm.value == pytest.approx(7)
    relative_guardrail(slower, Limits(margin=0.10, bad="down"), tau=10.0)
    assert scales[2:] == [0.9, 0.9]


def test_rare_events_stop_by_their_exact_evidence_from_the_fifth_on() -> None:
    limits = Limits(margin=0.2, stop_margin=0.0)
    few = rare_guardrail(0, 4, limits)
    assert few.answer == "cannot tell"
    assert isinstance(few.harm, NotEnough)
    assert "1 more" in few.harm.needed
    many = rare_guardrail(0, 14, limits)
    assert many.answer == "harm"
    assert many.evidence == conversion_harm(0, 14, lift=1.0)
    assert isinstance(many.harm, NotEnough)  # without an event of control there is no lift to show


@given(st.integers(1, 400), st.integers(5, 400), st.sampled_from([0.1, 0.5]), st.sampled_from([0.0, 0.2]))
def test_the_intervals_of_rare_events_say_what_the_evidence_says(
    control: int, treatment: int, share: float, stop: float
) -> None:
    finding = rare_guardrail(control, treatment, Limits(margin=0.5, stop_margin=stop), share=share)
    assert isinstance(finding.harm, Estimate) and isinstance(finding.safe, Estimate)
    if abs(finding.harm.low - stop) > 1e-6:
        assert finding.harmed == (finding.harm.low > stop)
    if abs(finding.safe.high - 0.5) > 1e-6:
        assert finding.not_worse == (finding.safe.high < 0.5)


def test_many_events_at_equal_rates_are_safe() -> None:
    finding = rare_guardrail(2_000, 2_010, Limits(margin=0.2, stop_margin=0.0))
    assert finding.answer == "safe"


def test_with_not_enough_nothing_is_answered() -> None:
    early = Effect(0.5, 1e-6, 20, "difference of rates", not_yet=too_few(10, 10))
    for missing in (NOTHING, early):
        finding = guardrail(missing, Limits(margin=0.1))
        assert finding.answer == "cannot tell"
        assert isinstance(finding.harm, NotEnough) and isinstance(finding.safe, NotEnough)
        assert isinstance(finding.evidence, NotEnough)


@for_each(
    "wrong",
    [
        {"margin": 0.0},
        {"margin": 0.1, "stop_margin": -0.1},
        {"margin": 1, "alpha": 0},
        {"margin": 1, "alpha": 0.5},
        {"margin": inf},
    ],
)
def test_limits_that_promise_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="margins must be above 0"):
        Limits(**wrong)
    with pytest.raises(ValueError, match="sideways"):
        Limits(margin=0.1, bad="sideways")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tau"):
        guardrail(effect(0.1, 0.1), Limits(margin=0.1), tau=0.0)
    with pytest.raises(ValueError, match="must be up"):
        rare_guardrail(1, 2, Limits(margin=0.1, bad="down"))


def users_until_harm(rng: np.random.Generator, rates: tuple[float, float], *, most: int) -> int | None:
    """Users in each arm when rare events first stop treatment, looking at every event."""
    arms = [np.flatnonzero(rng.random(most) < rate) for rate in rates]
    for at in np.sort(np.concatenate(arms)):
        control, treatment = (int(np.searchsorted(arm, at, side="right")) for arm in arms)
        evidence = conversion_harm(control, treatment, lift=1.0)
        if treatment >= 5 and isinstance(evidence, EValue) and evidence.rejects(0.05):
            return int(at) + 1
    return None


def test_five_times_the_errors_are_stopped_within_a_few_hundred_users_and_equal_ones_hardly_ever() -> None:
    rng = np.random.default_rng(4)
    worse = [users_until_harm(rng, (0.01, 0.05), most=5_000) for _ in range(200)]
    assert 270 < np.mean([n or 5_000 for n in worse]) < 345
    same = [users_until_harm(rng, (0.01, 0.01), most=5_000) for _ in range(200)]
    assert sum(n is not None for n in same) <= 10
