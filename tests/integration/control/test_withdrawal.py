"""An admin withdraws what an earlier attempt has proven: every surface then prints the proof, who did it, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fairtrial.domain.errors import Conflict
from gateway.control.experiments.describe_decision import describe_decision
from gateway.control.verdicts.export_page import render
from gateway.control.verdicts.release.release_record import read_contents
from tests.fixtures.control.judged_trial import PROJECT
from tests.fixtures.control.live_trial import NAME, PERSON
from tests.fixtures.experiments.box_text import text_of
from tests.integration.control.states.scenarios import StatesTrial, better_and_counting, harmed, rearmed, undecided

pytestmark = pytest.mark.release("attacks")

WHY = "the proxy was broken, not the model"
PROOF = f"(segment 1 of {NAME}) proved on 15 Jan 2027 that this definition harms requests.error_rate"
WITHDRAWN = f"{PERSON} withdrew it on 15 Jan 2027: {WHY}"


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[StatesTrial]:
    with closing(StatesTrial(tmp_path, PROJECT)) as made:
        yield made


def test_a_withdrawn_proof_no_longer_holds_and_is_printed_with_its_reason(trial: StatesTrial) -> None:
    rearmed(trial)
    trial.run_both()
    held = trial.judge()
    assert held.decision == "BLOCK" and f"{PROOF}, and nothing since has cleared it" in str(held.findings)
    assert "tested this definition and was killed on 15 Jan 2027 by control: requests.error_rate of tuned" in str(held)
    with pytest.raises(Conflict, match="nothing since has cleared it"):
        trial.promote()
    trial.change("withdraw", WHY)
    verdict = trial.judge()
    assert verdict.decision == "HOLD" and f"{PROOF}; {WITHDRAWN}" in str(verdict.findings), "the trial is undecided"
    found = describe_decision(trial.database, trial.experiment, None, now_us=trial.now_us, slices=False)
    assert f"proved on 15 Jan 2027 that this definition harms requests.error_rate; {WITHDRAWN}." in text_of(found.box)
    assert [(one.proved, one.cleared_by) for one in found.analysis.earlier] == [
        ("harmed", WITHDRAWN),
        ("killed", WITHDRAWN),
    ]
    page = render(read_contents(trial.database, verdict, trial.present))
    assert WITHDRAWN in page
    assert [(one["action"], one["actor"], one["why"]) for one in trial.trail()][-1] == ("withdraw", PERSON, WHY)
    ((actor, subject),) = trial.database.rows("SELECT actor, subject FROM events WHERE action = 'experiment.withdraw'")
    assert (actor, subject) == (PERSON, NAME)
    better_and_counting(trial)
    trial.judge()
    trial.promote()
    assert trial.experiment.serves == "tuned"


def test_a_withdrawal_covers_only_what_was_proven_before(trial: StatesTrial) -> None:
    rearmed(trial)
    trial.change("withdraw", WHY)
    harmed(trial)
    assert trial.experiment.state == "killed"
    trial.change("rearm", "the leak is fixed again")
    trial.step()
    trial.run_both()
    verdict = trial.judge()
    assert verdict.decision == "BLOCK" and f"(segment 2 of {NAME}) proved" in str(verdict.findings)


def test_without_a_proof_there_is_nothing_to_withdraw(trial: StatesTrial) -> None:
    undecided(trial)
    with pytest.raises(Conflict, match="nothing to withdraw, because nothing that its attempts"):
        trial.change("withdraw", WHY)
    assert trial.trail() == []
