"""A decision is kept: later looks sharpen it, and only proven harm replaces it."""

from __future__ import annotations

import json
from dataclasses import replace
from math import exp, log

import pytest
import scipy

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.domain.promises import LOST_ALPHA, SPLIT_ALPHA
from fairtrial.experiments.analysis.latched import Latched
from fairtrial.experiments.analysis.memory import LOST, LOST_LIFT, SPLIT, Looked, LostLatch, Memory, SplitLatch
from fairtrial.experiments.decision.decide import decide
from fairtrial.experiments.methods.finding import Answer, Finding
from fairtrial.experiments.monitor import Circumstances, Step, step
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.always_valid import RunningDecision
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.conversions import conversion_evidence
from gateway.control.experiments.experiment_alarms import find_alarms
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


def test_without_an_answer_there_is_no_time() -> None:
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
    split = SplitLatch(log_e=4.0).after(plan, seen)
    assert split.log_e == 4.0 and not split.invalid
    assert replace(split, log_e=-log(SPLIT_ALPHA)).after(plan, seen).invalid


PLAN = analysis_plan(errors())


def lost(base: int, tuned: int, at_us: int = HOUR_US, units: int = 900) -> Sums:
    """As many lost units, each with one request."""
    read_sums = sums(at_us, units=units, errors=(failing(units, 9), failing(units, 9)))
    counts = {"base": base, "tuned": tuned}
    arms = {
        name: replace(arm, lost_units=counts[name], lost_requests=counts[name]) for name, arm in read_sums.arms.items()
    }
    return replace(read_sums, arms=arms)


def latched(*looks: tuple[int, int]) -> SplitLatch:
    latch = SplitLatch()
    for number, (base, tuned) in enumerate(looks, 1):
        latch = latch.after(PLAN, lost(base, tuned, number))
    return latch


AROUND = Circumstances(HOUR_US, 100.0, 0)


def stepped(base: int, tuned: int) -> Step:
    return step(PLAN, Memory(), lost(base, tuned), AROUND)


def alarms(result: Step) -> dict[str, str]:
    return dict(find_alarms(PLAN, result, AROUND))


def test_a_loss_in_one_arm_is_proven_after_fifteen_units_and_latched() -> None:
    first = next(count for count in range(100) if latched((0, count)).invalid)
    assert first == 15
    split = latched((0, first), (40, 40))
    assert (split.fault, split.lost and split.lost.crossed_us) == (LOST, 1)
    assert split.lost is not None and split.lost.arms == {"base": (40, 40), "tuned": (40, 40)}
    assert latched((first, 0)).invalid


@pytest.mark.parametrize("equal", [(1, 0), (3, 5), (300, 310), (2_048, 2_048)])
def test_equal_losses_are_kept_and_not_invalid(equal: tuple[int, int]) -> None:
    split = latched(equal)
    assert not split.invalid and split.lost is not None and split.lost.p(1) > 0.05


def test_nothing_lost_leaves_what_is_stored_as_it_was() -> None:
    split = latched((0, 0))
    assert split.lost is None and set(split.stored()) == {"log_e", "units", "crossed_us"}
    assert SplitLatch.restored(split.stored()) == split
    split_latch = latched((2, 40))
    assert SplitLatch.restored(split_latch.stored()) == split_latch


@pytest.mark.parametrize("share", [0.5, 0.125])
def test_the_expected_e_value_of_cells_is_at_most_one_until_all_are_lost(share: float) -> None:
    """Cells are drawn without replacement, which is when many losses could seem to differ by an unequal split."""
    cells = 64
    for lost_cells in (1, 2, 8, 32, 56, 64):
        counts = range(max(0, lost_cells - round(cells * (1 - share))), min(lost_cells, round(cells * share)) + 1)
        likely = scipy.stats.hypergeom.pmf(list(counts), cells, round(cells * share), lost_cells)
        evidence = [conversion_evidence(lost_cells - count, count, lift=LOST_LIFT, share=share) for count in counts]
        expected = sum(
            p * exp(e_value.log_e) for p, e_value in zip(likely, evidence, strict=True) if isinstance(e_value, EValue)
        )
        assert expected <= 1 + 1e-9, (share, lost_cells)


def test_three_arms_share_the_error_probability() -> None:
    plan = replace(PLAN, shares={"base": 1 / 3, "tuned": 1 / 3, "other": 1 / 3})
    latch = LostLatch().after(plan, Sums(1, {name: ArmSums(9, lost_units=n) for name, n in
                                             (("base", 0), ("tuned", 15), ("other", 0))}))  # fmt: skip
    assert log(1 / LOST_ALPHA) < latch.log_e < log(2 / LOST_ALPHA) and latch.crossed_us is None
    assert latch.p(2) == pytest.approx(2 * latch.p(1))


def test_unequal_losses_are_invalid_with_an_alarm_that_says_what_was_lost() -> None:
    result = stepped(1, 40)
    decision = result.decisions["tuned"]
    assert not decision.split.balanced and decision.split.crossed_us is None and not decision.worse
    text = alarms(result)["experiment.lost_records"]
    assert "base 1 request of 1 user; tuned 40 requests of 40 users" in text
    assert "The arms can't be compared any more" in text
    assert "experiment.srm" not in alarms(result)


def test_a_difference_that_is_not_proven_is_an_alarm_and_equal_losses_are_none() -> None:
    seeming = stepped(0, 12)
    assert seeming.decisions["tuned"].split.balanced
    assert "at p 0.01" in alarms(seeming)["experiment.lost_records"]
    assert not alarms(stepped(30, 31)) and not alarms(stepped(0, 0))


def test_a_wrong_split_is_named_first() -> None:
    split = Memory().with_split(PLAN, lost(0, 40)).split
    unbalanced = replace(split, crossed_us=5)
    assert (split.fault, unbalanced.fault) == (LOST, SPLIT)
    looked = Looked(plan=PLAN, memory=Memory(split=unbalanced), findings=(), sums=lost(0, 40))
    assert decide(looked)["tuned"].split.crossed_us == 5
