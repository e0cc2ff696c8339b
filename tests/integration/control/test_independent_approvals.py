"""An approval by the person who asked or promotes counts only if the gate or the number of accounts allows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fairtrial.api.experiments import ChangeOptions
from fairtrial.domain.accounts import Role
from fairtrial.domain.errors import Conflict
from fairtrial.domain.settings import PersonsAction
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.store.access import accounts
from fairtrial.store.core.query import Page
from fairtrial.store.evaluations import verdicts
from gateway.control.experiments.change_experiment import change_experiment
from gateway.control.experiments.state_change import Change
from gateway.control.operations.verdicts import verdict_rows
from gateway.control.verdicts.export_page import render
from gateway.control.verdicts.release.approvals import vote_on_verdict
from gateway.control.verdicts.release.release_record import read_contents, release_record
from tests.fixtures.control.judged_trial import GATE, JudgedTrial
from tests.fixtures.control.live_trial import NAME

pytestmark = pytest.mark.release("attacks")

ROSA, INES, LOCAL = "account Rosa", "account Ines", "local user rosa"
WAITING = "SHIP, waiting for release-manager"
NOT_COUNTING = "does not count as release-manager, because this person asked for it"


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[JudgedTrial]:
    with closing(JudgedTrial.with_traffic_and_runs(tmp_path)) as made:
        yield made


def add_account(trial: JudgedTrial, name: str, role: Role = "release-manager") -> None:
    made = accounts.invite(trial.database, name, role, actor="test", now_us=trial.now_us)
    accounts.accept(trial.database, made.token, name="", password="a long pass phrase 7", now_us=trial.now_us)


def approve(trial: JudgedTrial, verdict: Verdict, actor: str) -> str:
    """How the verdict reads after the approval."""
    trial.now_us += 1_000_000
    voter: tuple[str, Role] = (actor, "release-manager")
    vote_on_verdict(trial.database, verdict.verdict_id, "approve", voter, why="read 40 answers", now_us=trial.now_us)
    return reads(trial, verdict)


def reads(trial: JudgedTrial, verdict: Verdict) -> str:
    """The record, the list and the export say the same."""
    record = release_record(trial.database, verdict, trial.present)
    rows = verdict_rows(trial.database, verdicts.listing(Page(limit=100)), None)
    assert record.reads == next(row["reads"] for row in rows if row["verdict_id"] == verdict.verdict_id)
    page = render(read_contents(trial.database, verdict, trial.present))
    assert record.reads in page
    return str(record.reads)


def promote(trial: JudgedTrial, actor: str) -> None:
    change = Change(NAME, "promote", actor, "it resolves more", options=ChangeOptions())
    change_experiment(trial.database, trial.publisher, change, now_us=trial.now_us, probe=lambda _: "fp-1")


def test_the_asker_and_the_promoter_need_a_second_person(trial: JudgedTrial) -> None:
    for name in ("Rosa", "Ines"):
        add_account(trial, name)
    verdict = trial.judge(asked_by=ROSA)
    assert [approve(trial, verdict, actor) for actor in (ROSA, LOCAL, "key Rosa")] == [WAITING] * 3
    assert NOT_COUNTING in render(read_contents(trial.database, verdict, trial.present))
    with pytest.raises(Conflict, match=f"waits for the approval of release-manager.*key Rosa {NOT_COUNTING}"):
        promote(trial, INES)
    assert approve(trial, verdict, INES) == f"SHIP, approved by {INES}"
    with pytest.raises(Conflict, match=f"{INES} does not count as release-manager, because this person promotes it"):
        promote(trial, INES)
    assert trial.experiment.serves is None
    promote(trial, ROSA)
    assert trial.experiment.serves == "tuned"
    assert reads(trial, verdict) == f"SHIP, approved by {INES}"


@pytest.mark.parametrize("held", [(), ("Rosa",)])
def test_where_fewer_than_two_accounts_hold_the_role_it_counts_and_is_noted(trial: JudgedTrial, held) -> None:
    for name in held:
        add_account(trial, name)
    add_account(trial, "Rita", "reviewer")
    verdict = trial.judge(asked_by=LOCAL)
    asked = f"SHIP, approved by the person who asked for it ({ROSA})"
    assert approve(trial, verdict, ROSA) == asked
    trial.now_us += 1_000_000
    add_account(trial, "Ines")
    add_account(trial, "Olga")
    assert reads(trial, verdict) == asked, "the accounts at the time of the approval count"
    trial.now_us += 1_000_000
    verdict = trial.judge(asked_by=LOCAL)
    assert approve(trial, verdict, ROSA) == WAITING
    accounts.disable(trial.database, "Ines", actor="test", now_us=trial.now_us)
    accounts.disable(trial.database, "Olga", actor="test", now_us=trial.now_us)
    assert approve(trial, verdict, ROSA) == asked


def test_one_person_alone_asks_approves_and_promotes(trial: JudgedTrial) -> None:
    verdict = trial.judge(asked_by=LOCAL)
    approve(trial, verdict, LOCAL)
    promote(trial, LOCAL)
    assert reads(trial, verdict) == f"SHIP, approved by the person who asked for it and promoted it ({LOCAL})"


def test_a_gate_may_allow_it_and_every_reader_sees_it(trial: JudgedTrial) -> None:
    for name in ("Rosa", "Ines"):
        add_account(trial, name)
    trial.gate.write_text(f"{GATE}self_approval: true\n")
    verdict = trial.judge(asked_by=ROSA)
    assert verdict.provenance is not None and verdict.provenance.self_approval
    assert approve(trial, verdict, ROSA) == f"SHIP, approved by the person who asked for it ({ROSA})"
    assert "approved by the person who asked for it" in render(read_contents(trial.database, verdict, trial.present))
    promote(trial, ROSA)


def test_a_verdict_of_an_earlier_version_keeps_its_approval_and_says_whose_it_is(trial: JudgedTrial) -> None:
    for name in ("Rosa", "Ines"):
        add_account(trial, name)
    verdict = trial.judge(asked_by=ROSA)
    approve(trial, verdict, ROSA)
    with trial.database.transaction() as cursor:
        cursor.execute("UPDATE verdicts SET verdict = replace(verdict::VARCHAR, ',\"self_approval\":false', '')::JSON")
    assert verdicts.find(trial.database, verdict.verdict_id).provenance.self_approval is None
    assert reads(trial, verdicts.find(trial.database, verdict.verdict_id)) == (
        f"SHIP, approved by the person who asked for it ({ROSA})"
    )
    with pytest.raises(Conflict, match=f"{ROSA} {NOT_COUNTING}"):
        promote(trial, INES)


def test_behind_a_pipelines_key_who_last_changed_the_experiment_does_not_count(trial: JudgedTrial) -> None:
    for name in ("Rosa", "Ines"):
        add_account(trial, name)
    actions: tuple[PersonsAction, ...] = ("pause", "resume")
    for action in actions:
        trial.now_us += 1_000_000
        change = Change(NAME, action, ROSA, "the base model is being moved")
        change_experiment(trial.database, trial.publisher, change, now_us=trial.now_us)
    verdict = trial.judge(asked_by="key ci")
    approve(trial, verdict, ROSA)
    (vote,) = release_record(trial.database, verdict, trial.present).approvals.votes
    assert vote.involved == f"last changed the experiment {NAME} and last changed the configuration"
    assert vote.barred == ("release-manager",)
    by_person = trial.judge(asked_by=INES)
    approve(trial, by_person, ROSA)
    (_, vote) = release_record(trial.database, by_person, trial.present).approvals.votes
    assert (vote.involved, vote.barred) == ("", ())
