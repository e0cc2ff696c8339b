"""Unequally lost records make a comparison invalid, equal ones do not, and plans of earlier rules ignore both."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import pytest
import scipy

from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.experiments.analysis.lost_records import ALPHA, LIFT, LostLatch
from fairtrial.experiments.analysis.memory import LOST, SPLIT, Looked, Memory, SplitLatch
from fairtrial.experiments.decision.decide import decide
from fairtrial.experiments.monitor import Circumstances, Step, step
from fairtrial.experiments.sums import ArmSums, Sums
from fairtrial.stats.e_values import EValue
from fairtrial.stats.sequential.conversions import conversion_evidence
from gateway.control.operations.experiment_alarms import experiment_alarms
from tests.fixtures.experiments.frozen_plans import analysis_plan, errors, failing, sums

PLAN = replace(analysis_plan(errors()), rules=6)


def lost(base: int, tuned: int, at_us: int = HOUR_US, units: int = 900) -> Sums:
    """As many lost units, each with one request."""
    found = sums(at_us, units=units, errors=(failing(units, 9), failing(units, 9)))
    counts = {"base": base, "tuned": tuned}
    arms = {name: replace(arm, lost_units=counts[name], lost_requests=counts[name]) for name, arm in found.arms.items()}
    return replace(found, arms=arms)


def latched(*looks: tuple[int, int], rules: int = 6) -> SplitLatch:
    latch = SplitLatch()
    for number, (base, tuned) in enumerate(looks, 1):
        latch = latch.after(replace(PLAN, rules=rules), lost(base, tuned, number))
    return latch


def stepped(base: int, tuned: int) -> Step:
    return step(PLAN, Memory(), lost(base, tuned), Circumstances(HOUR_US, 100.0, 0))


def alarms(found: Step) -> dict[str, str]:
    return dict(experiment_alarms(PLAN, found))


def test_a_loss_in_one_arm_is_proven_after_fifteen_units_and_latched() -> None:
    first = next(count for count in range(100) if latched((0, count)).invalid)
    assert first == 15
    found = latched((0, first), (40, 40))
    assert (found.fault, found.lost and found.lost.crossed_us) == (LOST, 1)
    assert found.lost is not None and found.lost.arms == {"base": (40, 40), "tuned": (40, 40)}
    assert latched((first, 0)).invalid


@pytest.mark.parametrize("equal", [(1, 0), (3, 5), (300, 310), (2_048, 2_048)])
def test_equal_losses_are_kept_and_not_invalid(equal: tuple[int, int]) -> None:
    found = latched(equal)
    assert not found.invalid and found.lost is not None and found.lost.p(1) > 0.05


def test_nothing_lost_and_earlier_rules_leave_what_is_stored_as_it_was() -> None:
    for found in (latched((0, 0)), latched((0, 500), rules=5)):
        assert found.lost is None and set(found.stored()) == {"log_e", "units", "crossed_us"}
        assert SplitLatch.restored(found.stored()) == found
    kept = latched((2, 40))
    assert SplitLatch.restored(kept.stored()) == kept


@pytest.mark.parametrize("share", [0.5, 0.125])
def test_the_expected_e_value_of_cells_is_at_most_one_until_all_are_lost(share: float) -> None:
    """Cells are drawn without replacement, which is when many losses could seem to differ by an unequal split."""
    cells = 64
    for lost_cells in (1, 2, 8, 32, 56, 64):
        counts = range(max(0, lost_cells - round(cells * (1 - share))), min(lost_cells, round(cells * share)) + 1)
        likely = scipy.stats.hypergeom.pmf(list(counts), cells, round(cells * share), lost_cells)
        found = [conversion_evidence(lost_cells - one, one, lift=LIFT, share=share) for one in counts]
        expected = sum(p * exp(one.log_e) for p, one in zip(likely, found, strict=True) if isinstance(one, EValue))
        assert expected <= 1 + 1e-9, (share, lost_cells)


def test_three_arms_share_the_error_probability() -> None:
    plan = replace(PLAN, shares={"base": 1 / 3, "tuned": 1 / 3, "other": 1 / 3})
    latch = LostLatch().after(plan, Sums(1, {name: ArmSums(9, lost_units=n) for name, n in
                                             (("base", 0), ("tuned", 15), ("other", 0))}))  # fmt: skip
    assert log(1 / ALPHA) < latch.log_e < log(2 / ALPHA) and latch.crossed_us is None
    assert latch.p(2) == pytest.approx(2 * latch.p(1))


def test_unequal_losses_are_invalid_with_an_alarm_that_says_what_was_lost() -> None:
    found = stepped(1, 40)
    decision = found.decisions["tuned"]
    assert not decision.split.balanced and decision.split.crossed_us is None and not decision.worse
    text = alarms(found)["experiment.lost_records"]
    assert "base 1 request of 1 user; tuned 40 requests of 40 users" in text
    assert "The arms can't be compared any more" in text
    assert "experiment.srm" not in alarms(found)


def test_a_difference_that_is_not_proven_is_an_alarm_and_equal_losses_are_none() -> None:
    seeming = stepped(0, 12)
    assert seeming.decisions["tuned"].split.balanced
    assert "at p 0.01" in alarms(seeming)["experiment.lost_records"]
    assert not alarms(stepped(30, 31)) and not alarms(stepped(0, 0))


def test_a_wrong_split_is_named_first() -> None:
    found = Memory().with_split(PLAN, lost(0, 40)).split
    unbalanced = replace(found, crossed_us=5)
    assert (found.fault, unbalanced.fault) == (LOST, SPLIT)
    looked = Looked(plan=PLAN, memory=Memory(split=unbalanced), findings=(), sums=lost(0, 40))
    assert decide(looked)["tuned"].split.crossed_us == 5
