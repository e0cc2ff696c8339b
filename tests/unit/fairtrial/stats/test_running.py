"""The latched decision: what every sequence of looks must keep to."""

import json
from math import inf, log

import numpy as np
import pytest
from hypothesis import given, strategies as st

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import RunningDecision, always_valid, evidence
from fairtrial.stats.e_values import EValue
from fairtrial.stats.effects import Effect

NOTHING = NotEnough("too early", "more units")
ends = st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(sorted)


def look(low: float, high: float, n: int = 100) -> Estimate:
    return Estimate((low + high) / 2, low, high, 0.95, n, "difference", always_valid=True)


def side(decision: RunningDecision, null: float = 0.0) -> str | None:
    """The proven side of a value."""
    return None if decision.broken else "above" if decision.low > null else "below" if decision.high < null else None


def after(looks: list[Estimate]) -> RunningDecision:
    decision = RunningDecision()
    for estimate in looks:
        decision = decision.after(estimate)
    return decision


@given(st.lists(ends, min_size=1, max_size=12))
def test_it_is_the_intersection_of_all_looks_or_says_that_there_is_none(bounds: list[list[float]]) -> None:
    decision = after([look(*bound) for bound in bounds])
    low, high = max(bound[0] for bound in bounds), min(bound[1] for bound in bounds)
    interval = decision.interval()
    assert decision.looks == len(bounds)
    if low > high:
        assert isinstance(interval, NotEnough)
        assert side(decision) is None
        assert "exclude each other" in interval.reason
    else:
        assert isinstance(interval, Estimate)
        assert (interval.low, interval.high) == (low, high)
        assert low <= interval.value <= high


@given(st.lists(ends, min_size=1, max_size=6), ends)
def test_a_further_look_never_widens_it_and_never_takes_a_decision_to_the_other_side(
    bounds: list[list[float]], more: list[float]
) -> None:
    before = after([look(*bound) for bound in bounds])
    now = before.after(look(*more))
    assert before.low <= now.low
    assert now.high <= before.high
    assert now.low <= now.high
    if side(before) is not None:
        assert side(now) in (side(before), None)
        assert now.broken or side(now) == side(before)


@given(st.permutations(range(5)), st.lists(ends, min_size=5, max_size=5))
def test_the_order_of_looks_that_agree_does_not_matter(order: list[int], bounds: list[list[float]]) -> None:
    straight, mixed = after([look(*bound) for bound in bounds]), after([look(*bounds[i]) for i in order])
    assert straight.broken == mixed.broken
    assert straight.broken or (straight.low, straight.high) == (mixed.low, mixed.high)


def test_a_look_that_has_not_enough_counts_and_changes_nothing() -> None:
    before = RunningDecision().after(look(0.1, 0.4))
    now = before.after(NOTHING)
    assert now.looks == 2
    assert now.interval() == before.interval()
    assert isinstance(RunningDecision().after(NOTHING).interval(), NotEnough)


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=10))
def test_the_evidence_is_the_largest_of_all_looks(log_es: list[float]) -> None:
    decision = RunningDecision()
    assert decision.log_e is None
    for value in log_es:
        decision = decision.after(NOTHING, EValue(value, 5, "example"))
    assert decision.log_e == pytest.approx(max(0.0, *log_es))
    assert decision.after(NOTHING, EValue(-inf, 5, "example")).log_e == decision.log_e
    assert decision.after(NOTHING, NOTHING).log_e == decision.log_e


@given(st.lists(ends, max_size=5))
def test_what_is_stored_is_json_and_comes_back(bounds: list[list[float]]) -> None:
    decision = after([look(*bound) for bound in bounds]).after(NOTHING, EValue(2.5, 9, "example"))
    text = json.dumps(decision.stored(), allow_nan=False)
    assert RunningDecision.restored(json.loads(text)) == decision


def test_a_one_sided_look_leaves_the_other_end_open() -> None:
    decision = RunningDecision().after(Estimate(0.2, 0.1, inf, 0.9, 50, "difference, one-sided", always_valid=True))
    assert side(decision) == "above"
    assert decision.stored()["high"] is None
    assert side(decision, 0.15) is None


def test_looks_that_promise_nothing_together_are_refused() -> None:
    with pytest.raises(ValueError, match="an interval can't reach"):
        RunningDecision().after(Estimate(1.0, float("nan"), 2.0, 0.95, 10, "difference", always_valid=True))
    with pytest.raises(ValueError, match="one look"):
        RunningDecision().after(Estimate(0, -1, 1, 0.95, 10, "Wilson"))
    second = Estimate(0, -1, 1, 0.9, 10, "difference", always_valid=True)
    with pytest.raises(ValueError, match="level"):
        RunningDecision().after(look(0, 1)).after(second)


def test_intervals_that_disagree_stay_silent_for_good() -> None:
    decision = after([look(0.5, 0.9), look(-0.9, -0.5), look(0.6, 0.7)])
    assert decision.broken
    assert isinstance(decision.interval(), NotEnough)
    assert (decision.low, decision.high) == (0.5, 0.9)
    assert decision.interval().n == 100


def test_all_looks_together_cover_the_effect_and_stay_silent_rarely() -> None:
    rng, covered, silent, trials = np.random.default_rng(5), 0, 0, 300
    for _ in range(trials):
        decision, total = RunningDecision(), np.cumsum(rng.normal(0.1, 1, 1_000))
        for n in range(50, 1_001, 50):
            effect = Effect(total[n - 1] / n, 1 / n, n, "mean")
            decision = decision.after(always_valid(effect, tau=0.1), evidence(effect, tau=0.1))
            assert (side(decision) is not None) <= (decision.log_e is not None and decision.log_e >= log(20) - 1e-9)
        covered += not decision.broken and decision.low <= 0.1 <= decision.high
        silent += decision.broken
    assert covered / trials >= 0.95
    assert silent / trials <= 0.05
