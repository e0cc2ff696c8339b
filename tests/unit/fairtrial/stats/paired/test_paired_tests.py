"""What an interval says about a margin."""

from math import inf

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import ndtr

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import at_least
from fairtrial.stats.effects import Effect, fixed
from fairtrial.stats.intervals import tango, tango_score
from fairtrial.stats.paired.clustered import clustered_effect
from fairtrial.stats.paired.paired_tests import classify_interval
from tests.fixtures.for_each import for_each

RNG = np.random.default_rng(8)


def interval(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, 0.90, 100, "t")


@for_each(
    ("low", "high", "without", "within"),
    [
        (0.01, 0.05, "better", "better"),
        (-0.01, 0.05, "cannot tell", "not worse"),
        (-0.03, 0.05, "cannot tell", "cannot tell"),
        (-0.015, -0.005, "worse", "not worse"),
        (-0.05, -0.03, "worse", "worse"),
        (-0.05, -0.01, "worse", "cannot tell"),
    ],
)
def test_the_interval_and_the_margin_give_the_answer(low: float, high: float, without: str, within: str) -> None:
    assert classify_interval(interval(low, high)) == without
    assert classify_interval(interval(low, high), margin=0.02) == within
    assert classify_interval(interval(-high, -low), margin=0.02, more_is_better=False) == within


def test_no_estimate_is_no_answer_and_a_margin_below_zero_no_question() -> None:
    missing = NotEnough("no case", "cases")
    assert classify_interval(missing, margin=0.1) == "cannot tell"
    with pytest.raises(ValueError, match="margin"):
        classify_interval(missing, margin=-0.1)


def test_the_soft_contact_lenses_of_tango_are_not_worse() -> None:
    # Tango (1998), section 6.1, table V: 43 both effective, 1 only the standard; margin 0.1, Z 1.709, one-sided p
    # 0.044, lower 90 % limit −0.096
    estimate = tango(0, 1, 44)
    assert isinstance(estimate, Estimate)
    assert classify_interval(estimate, margin=0.1) == "not worse"
    assert tango_score(0, 1, 44, -0.1) == pytest.approx(1.709, abs=5e-4)
    assert ndtr(-tango_score(0, 1, 44, -0.1)) == pytest.approx(0.044, abs=5e-4)
    assert estimate.low == pytest.approx(-0.096, abs=5e-4)


def test_one_sided_looks_at_any_time_are_answered_too() -> None:
    seen = at_least(Effect(-0.001, 0.0001, 4000, "difference"), tau=0.05)
    assert isinstance(seen, Estimate) and seen.high == inf
    assert classify_interval(seen, margin=0.05) == "not worse"


def test_a_non_inferiority_trial_of_its_size_has_its_power() -> None:
    size, differences = 248, np.array([1, 0, -1])  # 6.18 · variance / margin², by Nam (1997)
    drawn = RNG.choice(differences, (400, size), p=[0.05, 0.90, 0.05])
    passed = [
        classify_interval(tango(int((row > 0).sum()), int((row < 0).sum()), size), margin=0.05)
        in ("not worse", "better")
        for row in drawn
    ]
    assert np.mean(passed) == pytest.approx(0.80, abs=0.06)


VALUES = st.lists(st.integers(-3, 3).map(float), min_size=5, max_size=30).filter(lambda v: len(set(v)) > 1)


@given(VALUES, st.floats(0.05, 1), st.floats(1, 3))
def test_a_wider_margin_is_easier(values: list[float], margin: float, times: float) -> None:
    mean = fixed(clustered_effect(np.array(values)), level=0.9)
    order = ["worse", "cannot tell", "not worse", "better"]
    answers = [order.index(classify_interval(mean, margin=m)) for m in (margin, margin * times)]
    assert answers == sorted(answers)
