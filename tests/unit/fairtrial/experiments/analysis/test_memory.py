"""A decision is kept: later looks sharpen it, and only proven harm replaces it."""

from __future__ import annotations

import json
from dataclasses import replace
from math import log

import pytest

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.experiments.analysis.memory import SRM_ALPHA, Latched, Memory, SplitLatch
from fairtrial.experiments.methods.finding import Answer, Finding
from fairtrial.experiments.sums import Sums
from fairtrial.stats.sequential.running import RunningDecision
from tests.fixtures.experiments.frozen_plans import ERRORS, analysis_plan, errors, failing, sums
from tests.fixtures.for_each import for_each

NOTHING = NotEnough("too early", "more units")


def finding(answer: Answer, *, log_e: float | None = None, ends: tuple[float, float] | None = None) -> Finding:
    """One guardrail's finding."""
    shown = Estimate(0.0, *ends, 0.95, 100, "difference", always_valid=True) if ends else NOTHING
    return Finding(ERRORS, "tuned", "guardrail", answer, shown, log_e=log_e, log_kill=3.0)


@for_each("first", ["better", "worse", "not worse", "safe", "harm"])
def test_the_first_answer_stays(first: Answer) -> None:
    latched = Latched().after(finding("cannot tell"), 1).after(finding(first), 2).after(finding("cannot tell"), 3)
    for later in ("better", "worse", "not worse", "safe"):
        latched = latched.after(finding(later), 4)  # type: ignore[arg-type]
    assert (latched.answer, latched.answered_us) == (first, 2)


@pytest.mark.parametrize("before", ["cannot tell", "safe", "better"])
def test_harm_replaces_every_answer_once(before: Answer) -> None:
    latched = Latched().after(finding(before), 1).after(finding("harm"), 2).after(finding("harm"), 3)
    assert (latched.answer, latched.answered_us) == ("harm", 2)


def test_nothing_told_has_no_time() -> None:
    assert Latched().after(finding("cannot tell"), 1).answered_us is None


def test_the_largest_evidence_stays_and_the_last_is_known_too() -> None:
    latched = Latched()
    for log_e in (-2.0, 2.5, 1.0):
        latched = latched.after(finding("cannot tell", log_e=log_e), 1)
    assert (latched.log_e, latched.now) == (2.5, -2.0)
    latched = latched.after(finding("cannot tell"), 1)
    assert (latched.log_e, latched.now) == (2.5, -2.0)


def test_intervals_are_intersected_and_can_break() -> None:
    latched = Latched().after(finding("cannot tell", ends=(-1.0, 1.0)), 1)
    latched = latched.after(finding("cannot tell", ends=(-0.5, 2.0)), 2)
    shown = latched.running.interval()
    assert isinstance(shown, Estimate) and (shown.low, shown.high) == (-0.5, 1.0)
    broken = latched.after(finding("cannot tell", ends=(1.5, 2.0)), 3)
    assert broken.broken and not latched.broken
    assert isinstance(broken.running.interval(), NotEnough)


def test_a_latch_survives_being_stored_as_json() -> None:
    latched = Latched().after(finding("safe", log_e=0.5, ends=(-1.0, 1.0)), 7)
    assert Latched.restored(json.loads(json.dumps(latched.stored()))) == latched
    assert Latched.restored(Latched().stored()) == Latched(running=RunningDecision())


def at(hours: float, units: int, failed: int = 0) -> Sums:
    """Equal arms after so many hours."""
    return sums(round(hours * HOUR_US), units=units, errors=(failing(units, failed), failing(units, failed)))


def test_a_look_is_due_after_growth_by_one_percent_or_any_growth_in_an_hour() -> None:
    plan = analysis_plan(errors())
    memory = Memory().after(plan, at(0, 1_000), ())
    assert Memory().is_due(at(0, 1))
    assert not memory.is_due(at(0.5, 1_010))
    assert memory.is_due(at(0.5, 1_011))
    assert memory.is_due(at(1, 1_001))
    assert not memory.is_due(at(0.99, 1_001))
    assert not memory.is_due(at(100, 1_000))


def test_without_data_no_look_is_due() -> None:
    assert not Memory().is_due(sums(10 * HOUR_US, units=0))


def test_memory_keeps_what_a_look_does_not_mention() -> None:
    plan = analysis_plan(errors())
    memory = Memory().after(plan, at(0, 10), (finding("safe"),))
    later = memory.after(plan, at(2, 20), ())
    assert later.latched == memory.latched
    assert later.looked_us == 2 * HOUR_US


def test_a_wrong_split_is_latched_with_its_time() -> None:
    plan = analysis_plan(errors())
    wrong = sums(5, units={"base": 5_300, "tuned": 4_700}, errors=(None, None))
    right = sums(9, units={"base": 9_000, "tuned": 9_000}, errors=(None, None))
    memory = Memory().with_split(plan, wrong)
    assert memory.split.invalid and memory.split.crossed_us == 5
    assert memory.with_split(plan, right).split.crossed_us == 5
    assert not Memory().with_split(plan, right).split.invalid


def test_the_split_test_keeps_the_largest_evidence_and_is_strict() -> None:
    plan = analysis_plan(errors(), shares={"base": 0.9, "tuned": 0.1})
    seen = sums(1, units={"base": 900, "tuned": 100}, errors=(None, None))
    found = SplitLatch(log_e=4.0).after(plan, seen)
    assert found.log_e == 4.0 and not found.invalid
    assert replace(found, log_e=-log(SRM_ALPHA)).after(plan, seen).invalid
