"""A verdict can be judged again from its evidence, and every later change of it is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluators.results.evidence_table import text_of
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.store.evaluations import verdict_chain
from fairtrial.store.maintenance.backup import make_backup
from fairtrial.store.restore import restore_backup
from gateway.control.verdicts.recompute import recompute
from gateway.control.verdicts.release.release_record import integrity
from tests.fixtures.control.judged_trial import GATE, JudgedTrial
from tests.fixtures.for_each import for_each
from tests.fixtures.store.erasing import erase_unit


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[JudgedTrial, Verdict]]:
    trial = JudgedTrial.with_traffic_and_runs(tmp_path_factory.mktemp("judged"), 400)
    yield trial, trial.judge()
    trial.close()


def test_live_traffic_and_runs_together_ship(shipped: tuple[JudgedTrial, Verdict]) -> None:
    _, verdict = shipped
    assert verdict.decision == "SHIP", verdict.headline
    assert [one.rule for one in verdict.findings if one.metric.startswith("live.") and one.decisive] == [
        "live.primary better than base",
        "live.guardrails hold",
    ]
    kept = verdict.provenance
    assert kept is not None and kept.official and kept.approvers == ("release-manager",)
    assert {(run.suite, run.target, run.model, run.fingerprint) for run in kept.runs} == {
        ("small", "base", "openai/base", "fp-1"),
        ("small", "tuned", "openai/tuned", "fp-1"),
    }
    (experiment,) = kept.experiments
    assert (experiment.experiment, experiment.variant) == ("tuned-vs-base", "tuned") and experiment.looks > 3


def test_the_evidence_names_no_unit_prompt_or_answer(shipped: tuple[JudgedTrial, Verdict]) -> None:
    trial, verdict = shipped
    document = verdict_chain.evidence_of(trial.database, verdict.verdict_id)
    assert document is not None
    text = text_of(document)
    assert GATE in json.loads(text)["gate_text"]
    for private in ("user-", "hash-user", "secret", "r-1"):
        assert private not in text


def test_judging_again_gives_the_same_numbers(shipped: tuple[JudgedTrial, Verdict]) -> None:
    trial, verdict = shipped
    found = recompute(trial.database, verdict.verdict_id)
    assert [line for line in found.lines if not line.same] == []
    assert len(found.lines) == len(verdict.findings)
    (looks,) = found.looks
    assert looks.stored == looks.repeated > 3 and looks.decisions is True
    assert found.same


def test_it_does_so_after_newer_runs_and_without_the_old_ones(shipped: tuple[JudgedTrial, Verdict]) -> None:
    trial, verdict = shipped
    trial.run("tuned", 10)
    with trial.database.transaction() as cursor:
        cursor.execute("DELETE FROM results WHERE run_id = ?", [verdict.runs[0]])
    assert recompute(trial.database, verdict.verdict_id).same


def test_it_does_so_after_a_person_was_erased(shipped: tuple[JudgedTrial, Verdict]) -> None:
    trial, verdict = shipped
    assert erase_unit(trial.database, "user-1", "hash-user-1")["requests"] == 1
    assert recompute(trial.database, verdict.verdict_id).same
    assert integrity(trial.database).intact


def test_it_does_so_on_a_restored_backup(shipped: tuple[JudgedTrial, Verdict], tmp_path: Path) -> None:
    trial, verdict = shipped
    make_backup(trial.database, tmp_path / "backup", now_us=trial.now_us, actor="test")
    (tmp_path / "there").mkdir()
    there = JudgedTrial(tmp_path / "there")
    there.database.close()
    restore_backup(tmp_path / "backup", there.layout, now_us=trial.now_us, force=True)
    there.reopen()
    assert recompute(there.database, verdict.verdict_id).same
    assert integrity(there.database).intact
    there.close()


TABLES = ("verdicts", "verdict_records", "events", "approvals")
CHANGES = {
    "evidence": "UPDATE verdict_records SET evidence = $blob WHERE verdict_id = $id",
    "verdict": "UPDATE verdicts SET verdict = replace(verdict::VARCHAR, 'tuned', 'tuner') WHERE verdict_id = $id",
    "list": "UPDATE verdicts SET decision = 'SHIP' WHERE verdict_id = $id",
    # by hand: forged, or rows of the product that are put back after a change
    "approval": "INSERT INTO approvals VALUES (9, now()::TIMESTAMP, $id, 'account eve', 'admin', 'approve', 'x')",
    "entry": "UPDATE verdict_records SET evidence_sha256 = repeat('0', 64) WHERE verdict_id = $id",
    "removed": "DELETE FROM verdict_records WHERE verdict_id = $id",
    "audit": "UPDATE events SET actor = 'account eve' WHERE subject = $id",
}


@pytest.fixture
def newest(shipped: tuple[JudgedTrial, Verdict]) -> tuple[Verdict, Verdict]:
    trial, _ = shipped
    return trial.judge(), trial.judge()


@for_each("place", CHANGES)
def test_one_changed_byte_is_found(
    shipped: tuple[JudgedTrial, Verdict], newest: tuple[Verdict, Verdict], place: str
) -> None:
    (trial, _), (mine, later) = shipped, newest
    document = verdict_chain.evidence_of(trial.database, mine.verdict_id)
    assert document is not None and integrity(trial.database).intact
    kept = {table: trial.database.rows(f"SELECT * FROM {table}") for table in TABLES}
    flipped = document[:-9] + bytes([document[-9] ^ 1]) + document[-8:]
    values = {"id": mine.verdict_id} | ({"blob": flipped} if place == "evidence" else {})
    with trial.database.transaction() as cursor:
        cursor.execute(CHANGES[place], values)
    found = integrity(trial.database)
    assert not found.intact and found.problems, later.verdict_id
    with trial.database.transaction() as cursor:
        for table, rows in kept.items():
            cursor.execute(f"DELETE FROM {table}")
            for row in rows:
                # by hand: forged, or rows of the product that are put back after a change
                cursor.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    assert integrity(trial.database).intact
