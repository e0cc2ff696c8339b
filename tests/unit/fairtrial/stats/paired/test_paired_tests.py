"""Non-inferiority and equivalence: Tango's example, statsmodels' one-sided tests, and properties of all intervals."""

from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import ndtr
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import at_least
from fairtrial.stats.effects import Effect
from fairtrial.stats.intervals import tango, tango_score
from fairtrial.stats.paired.clustered import clustered_effect, clustered_mean
from fairtrial.stats.paired.paired_tests import (
    NonInferiority,
    cases_to_decide,
    classify_interval,
    equivalent,
    non_inferior,
)
from fairtrial.stats.sizes import cases_for_margin
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
    assert non_inferior(missing, margin=0.1, variance=0.1) is missing
    assert equivalent(missing, margin=0.1) is missing
    assert isinstance(equivalent(Effect(0.0, 0.0, 9, "mean", 8), margin=0.1), NotEnough)
    for ask in (
        lambda: classify_interval(missing, margin=-0.1),
        lambda: non_inferior(missing, margin=0, variance=1),
        lambda: equivalent(missing, margin=0),
    ):
        with pytest.raises(ValueError, match=r"margin|question"):
            ask()


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


@pytest.mark.parametrize(("margin", "p"), [(1, 0.9293826), (2, 0.8286101)])
def test_the_two_one_sided_tests_give_the_numbers_of_r(margin: float, p: float) -> None:
    # R's equivalence::tost(a, b, paired = TRUE, epsilon = 1 and 2), as pingouin's test_equivalence.py has them
    differences = np.array([4.0, 7, 8, 6, 3, 2]) - np.array([6, 8, 7, 10, 11, 9])
    equivalence = equivalent(clustered_effect(differences), margin=margin)
    assert not isinstance(equivalence, NotEnough)
    assert equivalence.p == pytest.approx(p, abs=5e-8) and not equivalence.same


@pytest.mark.parametrize(
    ("mean", "error", "low", "high", "p", "same"),
    [
        (0.5626666666666665, 0.2478276410785118, 0.1261653305099018, 0.999168002823431, 0.4412034046017588, False),
        (0.1646666666666667, 0.1357514067862445, -0.0744336620516462, 0.4037669953849797, 0.003166881489265175, True),
    ],
)
def test_the_interval_of_the_two_tests_is_that_of_r(
    mean: float, error: float, low: float, high: float, p: float, same: bool
) -> None:
    # R's equivalence::tost, epsilon 0.6, 15 pairs of the data set "clinic", as statsmodels' test_tost.py has them
    equivalence = equivalent(Effect(mean, error**2, 15, "mean", 14), margin=0.6)
    assert not isinstance(equivalence, NotEnough)
    assert (equivalence.p, equivalence.interval.low, equivalence.interval.high) == pytest.approx((p, low, high))
    assert equivalence.same is same


def test_the_two_one_sided_tests_of_pairs_agree_with_statsmodels() -> None:
    new, old = RNG.normal(0.02, 0.3, 60), RNG.normal(0, 0.3, 60)
    for margin in (0.05, 0.15, 0.4):
        reference = ttost_paired(new, old, -margin, margin)[0]
        equivalence = equivalent(clustered_effect(new - old), margin=margin)
        assert not isinstance(equivalence, NotEnough)
        assert equivalence.p == pytest.approx(reference)
        interval = equivalence.interval
        assert equivalence.same == (reference < 0.05) == (-margin < interval.low and interval.high < margin)


def test_the_two_one_sided_tests_of_two_arms_agree_with_statsmodels() -> None:
    new, old = RNG.normal(0.02, 0.3, 60), RNG.normal(0, 0.5, 45)
    parts = new.var(ddof=1) / 60, old.var(ddof=1) / 45
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 59 + parts[1] ** 2 / 44)
    equivalence = equivalent(Effect(new.mean() - old.mean(), sum(parts), 105, "Welch", freedom), margin=0.2)
    assert not isinstance(equivalence, NotEnough)
    assert equivalence.p == pytest.approx(ttost_ind(new, old, -0.2, 0.2, usevar="unequal")[0])


def test_an_open_answer_states_how_many_more_cases_settle_it() -> None:
    answer = non_inferior(tango(5, 5, 100), margin=0.05, variance=0.10)
    assert isinstance(answer, NonInferiority)
    assert (answer.answer, answer.needed) == ("cannot tell", cases_for_margin(0.10, 0.05) - 100)
    assert answer.detectable == pytest.approx(2.4865 * sqrt(0.10 / 100), rel=1e-4)
    assert str(answer).startswith("cannot tell: at most 0.05")
    assert "148 more would settle it" in str(answer)


def test_an_answer_needs_no_more_cases() -> None:
    answer = non_inferior(tango(10, 10, 400), margin=0.05, variance=0.05)
    assert isinstance(answer, NonInferiority)
    assert (answer.answer, answer.needed) == ("not worse", 0)
    assert str(answer) == f"not worse: at most {-answer.excluded:.4g} worse, margin 0.05"
    better = non_inferior(tango(60, 10, 400), margin=0.05, variance=0.15)
    assert str(better).startswith("better: at least 0.")


def test_a_difference_just_at_the_margin_is_settled_by_no_number() -> None:
    answer = non_inferior(tango(10, 20, 200), margin=0.05, variance=0.1475)
    assert isinstance(answer, NonInferiority)
    assert answer.needed is None and "no number of cases" in str(answer)


def test_without_a_case_that_differs_the_unseen_ones_set_the_size() -> None:
    answer = non_inferior(tango(0, 0, 20), margin=0.05, variance=0.0)
    assert isinstance(answer, NonInferiority) and answer.needed is not None
    assert classify_interval(tango(0, 0, 20 + answer.needed), margin=0.05) == "not worse"
    assert classify_interval(tango(0, 0, 20 + answer.needed - 2), margin=0.05) == "cannot tell"
    assert answer.detectable == pytest.approx(-answer.excluded)


def test_enough_cases_for_no_difference_ask_for_what_was_seen() -> None:
    assert cases_to_decide(-0.03, -0.05, variance=0.1, n=250) == cases_for_margin(0.1, 0.02)
    assert cases_to_decide(0.0, 0.0, variance=0.1, n=250) is None


def test_a_non_inferiority_trial_of_its_size_has_its_power() -> None:
    size, differences = cases_for_margin(0.10, 0.05), np.array([1, 0, -1])
    drawn = RNG.choice(differences, (400, size), p=[0.05, 0.90, 0.05])
    passed = [
        classify_interval(tango(int((row > 0).sum()), int((row < 0).sum()), size), margin=0.05)
        in ("not worse", "better")
        for row in drawn
    ]
    assert np.mean(passed) == pytest.approx(0.80, abs=0.06)


VALUES = st.lists(st.integers(-3, 3).map(float), min_size=5, max_size=30).filter(lambda v: len(set(v)) > 1)


@given(VALUES, st.floats(0.05, 3))
def test_swapping_the_arms_changes_nothing_about_being_the_same(values: list[float], margin: float) -> None:
    equivalence = equivalent(clustered_effect(np.array(values)), margin=margin)
    mirrored = equivalent(clustered_effect(-np.array(values)[::-1]), margin=margin)
    assert not isinstance(equivalence, NotEnough) and not isinstance(mirrored, NotEnough)
    assert equivalence.p == pytest.approx(mirrored.p)


@given(VALUES, st.floats(0.05, 1), st.floats(1, 3))
def test_a_wider_margin_is_easier(values: list[float], margin: float, times: float) -> None:
    effect, mean = clustered_effect(np.array(values)), clustered_mean(np.array(values), level=0.9)
    tight, wide = equivalent(effect, margin=margin), equivalent(effect, margin=margin * times)
    assert not isinstance(tight, NotEnough) and not isinstance(wide, NotEnough)
    assert wide.p <= tight.p + 1e-12
    order = ["worse", "cannot tell", "not worse", "better"]
    answers = [order.index(classify_interval(mean, margin=m)) for m in (margin, margin * times)]
    assert answers == sorted(answers)
