"""Approvals belong to evidence: a second judgement of equal evidence keeps them, and a changed part needs new ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from evaluators.report_content.content import REPORTS
from fairtrial.api.experiments import ChangeOptions
from fairtrial.domain.accounts import Role
from fairtrial.domain.errors import Conflict
from fairtrial.domain.verdicts.approvals import ApprovalVote
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.store.access import accounts
from fairtrial.store.core.query import Page
from fairtrial.store.evaluations import verdicts
from gateway.control.experiments.change_experiment import change_experiment
from gateway.control.experiments.state_change import Change
from gateway.control.operations.verdicts import verdict_rows
from gateway.control.verdicts.export_page import render
from gateway.control.verdicts.recompute import recompute
from gateway.control.verdicts.release.approvals import state_of, vote_on_verdict
from gateway.control.verdicts.release.release_record import integrity, read_contents, release_record
from tests.fixtures.control.judged_trial import GATE, JudgedTrial
from tests.fixtures.control.live_trial import NAME

ROSA, INES = "account Rosa", "account Ines"
WAITING = "SHIP, waiting for release-manager"
APPROVED = f"SHIP, approved by {INES}"


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[JudgedTrial]:
    with closing(JudgedTrial.with_traffic_and_runs(tmp_path)) as made:
        for name in ("Rosa", "Ines"):
            invitation = accounts.invite(made.database, name, "release-manager", actor="test", now_us=made.now_us)
            accounts.accept(
                made.database, invitation.token, name="", password="a long pass phrase 7", now_us=made.now_us
            )
        yield made


def vote(trial: JudgedTrial, verdict: Verdict, actor: str, vote: ApprovalVote = "approve") -> None:
    trial.now_us += 1_000_000
    voter: tuple[str, Role] = (actor, "release-manager")
    vote_on_verdict(trial.database, verdict.verdict_id, vote, voter, why="read 40 answers", now_us=trial.now_us)


def again(trial: JudgedTrial, asked_by: str = ROSA) -> Verdict:
    trial.now_us += 3_600_000_000
    return trial.judge(asked_by=asked_by)


def reads(trial: JudgedTrial, verdict: Verdict) -> str:
    """The record, the list, the export and the JSON report say the same."""
    record = release_record(trial.database, verdict, trial.present)
    rows = verdict_rows(trial.database, verdicts.listing(Page(limit=100)), None)
    page = render(read_contents(trial.database, verdict, trial.present))
    report = json.loads(REPORTS.get("json").render(verdict, state_of(trial.database, verdict)))
    assert record.reads in page
    listed = next(row["reads"] for row in rows if row["verdict_id"] == verdict.verdict_id)
    assert {record.reads, listed, report["reads"]} == {record.reads}
    assert report["exit_code"] == (0 if report["approvals"]["complete"] else 5)
    return str(record.reads)


def promote(trial: JudgedTrial, actor: str) -> None:
    change = Change(NAME, "promote", actor, "it resolves more", options=ChangeOptions())
    change_experiment(trial.database, trial.publisher, change, now_us=trial.now_us, probe=lambda _: "fp-1")


@pytest.mark.release("stories")
def test_a_second_judgement_of_equal_evidence_keeps_the_approval(trial: JudgedTrial) -> None:
    first = trial.judge(asked_by=ROSA)
    vote(trial, first, INES)
    second = again(trial)
    assert [reads(trial, verdict) for verdict in (first, second)] == [APPROVED] * 2
    (cast,) = release_record(trial.database, second, trial.present).approvals.votes
    assert (cast.verdict_id, cast.shared_from, cast.actor) == (first.verdict_id, first.verdict_id, INES)
    where = f"given on the equal evidence of verdict {first.verdict_id}"
    state = state_of(trial.database, second)
    shown = [
        render(read_contents(trial.database, second, trial.present)),
        REPORTS.get("markdown").render(second, state).replace("\\", ""),
        REPORTS.get("junit").render(second, state),
    ]
    assert [where in text for text in shown] == [True] * 3
    assert where not in render(read_contents(trial.database, first, trial.present))
    assert [recompute(trial.database, one.verdict_id).differences for one in (first, second)] == [()] * 2
    assert integrity(trial.database, second.verdict_id).intact
    promote(trial, ROSA)
    assert trial.experiment.serves == "tuned"


@pytest.mark.release("stories")
def test_a_rejection_stays_until_that_person_approves_any_of_the_verdicts(trial: JudgedTrial) -> None:
    first = trial.judge(asked_by=ROSA)
    vote(trial, first, INES, "reject")
    second = again(trial)
    assert reads(trial, second) == f"SHIP, rejected by {INES}"
    with pytest.raises(Conflict, match=f"{INES} rejected"):
        promote(trial, ROSA)
    vote(trial, second, INES)
    assert [reads(trial, verdict) for verdict in (first, second)] == [APPROVED] * 2


@pytest.mark.release("stories")
def test_who_asked_for_either_verdict_is_involved(trial: JudgedTrial) -> None:
    first = trial.judge(asked_by=ROSA)
    vote(trial, first, INES)
    second = again(trial, asked_by=INES)
    assert reads(trial, first) == APPROVED
    assert reads(trial, second) == WAITING
    vote(trial, second, ROSA)
    assert reads(trial, first) == APPROVED, "Rosa asked for it, and Ines did not"
    third = again(trial, asked_by="key ci")
    assert reads(trial, third) == f"{APPROVED} and {ROSA}"


def new_run(trial: JudgedTrial) -> None:
    trial.run("tuned", 85)


def new_visits(trial: JudgedTrial) -> None:
    trial.live_traffic(100, first=5_000, days=8)


def new_gate(trial: JudgedTrial) -> None:
    trial.gate.write_text(f"{GATE}max_age: 29d\n")


@pytest.mark.release("stories")
@pytest.mark.parametrize("change", [new_run, new_visits, new_gate])
def test_a_changed_part_of_the_evidence_needs_a_new_approval(
    trial: JudgedTrial, change: Callable[[JudgedTrial], None]
) -> None:
    vote(trial, trial.judge(asked_by=ROSA), INES)
    change(trial)
    verdict = again(trial)
    assert verdict.decision == "SHIP", verdict.headline
    assert reads(trial, verdict) == WAITING


def test_looks_that_see_nothing_new_change_nothing(trial: JudgedTrial) -> None:
    vote(trial, trial.judge(asked_by=ROSA), INES)
    trial.step(hours=24)
    assert reads(trial, again(trial)) == APPROVED


def test_verdicts_of_earlier_versions_share_nothing(trial: JudgedTrial) -> None:
    first = trial.judge(asked_by=ROSA)
    vote(trial, first, INES)
    with trial.database.transaction() as cursor:
        cursor.execute(
            "UPDATE verdicts SET verdict = "
            "regexp_replace(verdict::VARCHAR, ',\"evidence_digest\":\"[0-9a-f]+\"', '')::JSON"
        )
    stored = verdicts.find(trial.database, first.verdict_id)
    assert stored is not None and stored.provenance is not None and stored.provenance.evidence_digest is None
    assert reads(trial, stored) == APPROVED
    assert reads(trial, again(trial)) == WAITING


def test_a_forged_vote_on_equal_evidence_is_found(trial: JudgedTrial) -> None:
    first = trial.judge(asked_by=ROSA)
    second = again(trial)
    with trial.database.transaction() as cursor:
        cursor.execute(
            # by hand: a forged vote
            "INSERT INTO approvals SELECT 1, at_time, verdict_id, 'account Ines', 'release-manager', 'approve', 'x' "
            "FROM verdicts WHERE verdict_id = ?",
            [first.verdict_id],
        )
    assert not integrity(trial.database, second.verdict_id).intact
