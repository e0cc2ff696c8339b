"""A gate that requires clean training data: SHIP, BLOCK and HOLD by the stored audits of the present files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from evaluators.training_data.audit_report import AUDIT_VERSION
from fairtrial.api.data_audits import StoreAudit
from fairtrial.config.plan.retirement import today_utc
from fairtrial.domain.errors import BadRequest
from fairtrial.domain.training_data import AuditFile, CheckCount, DataAudit, WaivedCount, Waiver
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.store import data_audits
from fairtrial.store.core.query import Page
from fairtrial.store.experiments import published_plans
from fairtrial.store.maintenance.backup import make_backup
from fairtrial.store.restore import restore_backup
from gateway.control.operations.data_audits import record_audit
from gateway.control.verdicts.export_check import check_export
from gateway.control.verdicts.export_page import render
from gateway.control.verdicts.recompute import recompute
from gateway.control.verdicts.release.release_record import read_contents
from gateway.control.verdicts.staleness import stale_reasons
from tests.fixtures.control.judged_trial import PERSON, PROJECT, JudgedTrial

LINE = "data.audit clean"
GATE = f"version: 1\ngate: release\nsuites: [small]\nrequire:\n  - {LINE}\n"
TRAINING = "parent: base, training: {method: lora, data: [train.jsonl], validation: [val.jsonl], cost: 12.50}}"
TRAINED = PROJECT.replace("parent: base}", TRAINING).replace("{stages: [100]}", "{stages: [100], start: manual}")
WRONG_PATTERN = CheckCount(check="wrong_pattern", severity="error", issues=1, rows=96)

LEAKED = CheckCount(check="leakage", severity="error", issues=1, rows=3)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> JudgedTrial:
    folder = tmp_path_factory.mktemp("trained")
    (folder / "train.jsonl").write_text('{"prompt": "secret row", "completion": "yes"}\n')
    (folder / "val.jsonl").write_text('{"prompt": "another", "completion": "no"}\n')
    with closing(JudgedTrial(folder, TRAINED)) as made:
        made.gate.write_text(GATE)
        made.run_both()
    return made


@pytest.fixture
def trial(closed: JudgedTrial, tmp_path: Path) -> Iterator[JudgedTrial]:
    with closing(closed.copied_to(tmp_path)) as made:
        yield made


def audit(
    trial: JudgedTrial,
    *counts: CheckCount,
    version: str = AUDIT_VERSION,
    deployment: str = "tuned",
    suite: str = "",
    **more: Any,
) -> DataAudit:
    """Store an audit of the files as they are now."""
    files = [AuditFile(path=suite, role="suite", sha256="c" * 64, rows=9, format="suite")] if suite else []
    for name, role in (("train.jsonl", "train"), ("val.jsonl", "validation")):
        sha256 = hashlib.sha256((trial.config.parent / name).read_bytes()).hexdigest()
        files.append(AuditFile(path=name, role=role, sha256=sha256, rows=440, format="completion"))
    result = StoreAudit(deployment=deployment, version=version, seconds=0.5, files=tuple(files), counts=counts, **more)
    assert trial.publisher.published is not None
    trial.now_us += 1_000_000
    plan = trial.publisher.published.plan
    return record_audit(trial.database, result, plan, actor=PERSON, now_us=trial.now_us)


def of_line(verdict: Verdict) -> Finding:
    return next(one for one in verdict.findings if one.rule == LINE)


def test_a_clean_audit_of_the_present_files_ships(trial: JudgedTrial) -> None:
    stored = audit(trial)
    verdict = trial.judge()
    assert verdict.decision == "SHIP", verdict.headline
    assert verdict.provenance is not None and verdict.provenance.training is not None
    kept = verdict.provenance.training
    assert kept.lineage is not None and kept.lineage.data == ("train.jsonl",)
    assert kept.audit == stored and [one.sha256 for one in kept.files] == [one.sha256 for one in stored.files]


def test_an_audit_with_an_error_blocks_and_says_which(trial: JudgedTrial) -> None:
    audit(trial, WRONG_PATTERN)
    verdict = trial.judge()
    assert verdict.decision == "BLOCK"
    assert "finds 1 error: wrong_pattern in 96 rows" in of_line(verdict).says
    assert "wrong_pattern in 96 rows" in verdict.headline


def test_the_newest_audit_of_the_files_counts(trial: JudgedTrial) -> None:
    audit(trial, WRONG_PATTERN)
    audit(trial)
    assert trial.judge().decision == "SHIP"


def test_a_later_audit_without_the_suite_does_not_hide_leaked_rows(trial: JudgedTrial) -> None:
    audit(trial, LEAKED, suite="small.yaml")
    audit(trial)
    audit(trial, suite="other.yaml")
    verdict = trial.judge()
    assert verdict.decision == "BLOCK" and "leakage in 3 rows" in of_line(verdict).says
    assert of_line(verdict).needed.endswith("fairtrial data audit --deployment tuned --suite small.yaml")
    audit(trial, suite="small.yaml")
    verdict = trial.judge()
    assert verdict.decision == "SHIP" and "no suite" not in of_line(verdict).says


def test_a_pass_says_if_no_suite_was_compared(trial: JudgedTrial) -> None:
    audit(trial)
    assert "compared with no suite" in of_line(trial.judge()).says


def test_without_an_audit_it_holds_and_says_the_command(trial: JudgedTrial) -> None:
    verdict = trial.judge()
    assert verdict.decision == "HOLD"
    assert of_line(verdict).needed == "fairtrial data audit --deployment tuned"


@pytest.mark.parametrize("name", ["train.jsonl", "val.jsonl"])
def test_a_changed_file_holds_and_the_same_bytes_ship_again(trial: JudgedTrial, name: str) -> None:
    audit(trial)
    path = trial.config.parent / name
    before = path.read_bytes()
    path.write_bytes(before + b"\n")
    verdict = trial.judge()
    assert verdict.decision == "HOLD" and f"{name} has changed" in of_line(verdict).says
    path.write_bytes(before)
    assert trial.judge().decision == "SHIP"


def test_a_removed_file_holds(trial: JudgedTrial) -> None:
    audit(trial)
    (trial.config.parent / "train.jsonl").unlink()
    verdict = trial.judge()
    assert verdict.decision == "HOLD" and "train.jsonl can't be read" in of_line(verdict).says


def test_a_deployment_without_a_lineage_holds(tmp_path: Path) -> None:
    trial = JudgedTrial(tmp_path)
    trial.gate.write_text(GATE)
    trial.run_both()
    verdict = trial.judge()
    assert verdict.decision == "HOLD" and "declares no training data" in of_line(verdict).says
    trial.close()


def test_swapped_roles_are_not_the_audited_data(trial: JudgedTrial) -> None:
    audit(trial)
    text = trial.config.read_text()
    trial.config.write_text(text.replace("[train.jsonl], validation: [val", "[val.jsonl], validation: [train"))
    trial.publisher.refresh()
    assert trial.judge().decision == "HOLD"


def test_the_verdict_recomputes_on_a_restored_backup_without_the_files(trial: JudgedTrial, tmp_path: Path) -> None:
    audit(trial, WRONG_PATTERN)
    verdict = trial.judge()
    make_backup(trial.database, tmp_path / "backup", now_us=trial.now_us, actor="test")
    (tmp_path / "there").mkdir()
    there = JudgedTrial(tmp_path / "there")
    there.database.close()
    restore_backup(tmp_path / "backup", there.layout, now_us=trial.now_us, force=True)
    there.reopen()
    assert recompute(there.database, verdict.verdict_id).same
    assert data_audits.newest_of_deployment(there.database, "tuned") is not None
    there.close()


def test_the_export_shows_the_lineage_and_the_audit_and_no_row(trial: JudgedTrial, tmp_path: Path) -> None:
    stored = audit(trial, WRONG_PATTERN)
    page = render(read_contents(trial.database, trial.judge(), trial.present))
    for shown in ("Training data", "train.jsonl", stored.files[0].sha256, "wrong_pattern", "$12.50", stored.audit_id):
        assert shown in page, shown
    assert "secret row" not in page
    (tmp_path / "release.html").write_text(page, encoding="utf-8")
    assert check_export(tmp_path / "release.html").intact


def test_a_verdict_is_stale_once_the_lineage_or_the_result_of_the_audit_changes(trial: JudgedTrial) -> None:
    audit(trial)
    verdict = trial.judge()
    assert stale_reasons(trial.database, verdict, trial.present) == ()
    audit(trial, WRONG_PATTERN)
    [reason] = stale_reasons(trial.database, verdict, trial.present)
    assert reason == "a newer audit of the training data of tuned has another result; judge it again"
    trial.config.write_text(trial.config.read_text().replace(", validation: [val.jsonl]", ""))
    trial.publisher.refresh()
    assert any("the declared lineage of tuned has changed" in one for one in stale_reasons(
        trial.database, verdict, trial.present))  # fmt: skip


def test_a_changed_lineage_makes_an_entry_of_the_plan_history_with_the_same_hash(trial: JudgedTrial) -> None:
    assert trial.publisher.published is not None
    plan_hash = trial.publisher.published.plan.plan_hash
    deployments = published_plans.find(trial.database, plan_hash)["deployments"]
    assert deployments["tuned"]["training"]["data"] == ["train.jsonl"] and "training" not in deployments["base"]
    trial.config.write_text(trial.config.read_text().replace("cost: 12.50", "cost: 13"))
    trial.publisher.refresh()
    trial.publisher.refresh()
    assert trial.publisher.published.plan.plan_hash == plan_hash
    assert len(trial.database.dicts(published_plans.listing(Page()))) == 2
    assert published_plans.find(trial.database, plan_hash)["deployments"]["tuned"]["training"]["cost"] == 13


def test_an_audit_of_an_unknown_deployment_is_refused_with_the_nearest(trial: JudgedTrial) -> None:
    with pytest.raises(BadRequest, match="'tunde' does not exist"):
        audit(trial, deployment="tunde")


def waived(trial: JudgedTrial, until: str) -> DataAudit:
    """Declare a waiver, and store an audit that rests on it."""
    before, fields = "cost: 12.50", f"{{check: pii, all: true, reason: ours, owner: Rosa, until: {until}}}"
    trial.config.write_text(trial.config.read_text().replace(before, f"{before}, waivers: [{fields}]"))
    trial.publisher.refresh()
    waiver = Waiver(check="pii", all=True, reason="ours", owner="Rosa", until=until)
    return audit(trial, waived=(WaivedCount(CheckCount("pii", "warning", 1, 3), waiver),))


def test_a_waived_finding_ships_and_verdict_export_and_trail_list_it(trial: JudgedTrial) -> None:
    stored = waived(trial, "2099-12-31")
    assert data_audits.newest_of_deployment(trial.database, "tuned") == stored
    verdict = trial.judge()
    assert verdict.decision == "SHIP"
    listed = "pii in 3 rows, waived by Rosa until 2099-12-31: ours"
    assert listed in of_line(verdict).says
    page = render(read_contents(trial.database, verdict, trial.present))
    assert "Waived: pii in 3 rows by Rosa until 2099-12-31: ours." in page
    assert recompute(trial.database, verdict.verdict_id).same
    trail = trial.database.rows("SELECT details FROM events WHERE action = 'data.audit'")
    assert listed in trail[-1][0]
    assert data_audits_listing(trial)[0]["waived"][0]["waiver"]["owner"] == "Rosa"


def test_an_expired_waiver_holds_and_makes_an_earlier_verdict_stale(trial: JudgedTrial) -> None:
    day = today_utc(trial.now_us)
    waived(trial, day.isoformat())
    verdict = trial.judge()
    assert verdict.decision == "SHIP"
    trial.now_us += 86_400_000_000
    assert f"rests on a waiver of pii that expired after {day}" in of_line(trial.judge()).says
    assert any("the waiver of pii by Rosa has expired since" in reason for reason in stale_reasons(
        trial.database, verdict, trial.present))  # fmt: skip


def test_a_removed_waiver_holds(trial: JudgedTrial) -> None:
    before = trial.config.read_text()
    waived(trial, "2099-12-31")
    trial.config.write_text(before)
    trial.publisher.refresh()
    assert "that fairtrial.yaml does not declare" in of_line(trial.judge()).says


def data_audits_listing(trial: JudgedTrial) -> list[dict[str, Any]]:
    return trial.database.dicts(data_audits.listing(Page()))


def test_a_damaged_audit_never_passes(trial: JudgedTrial) -> None:
    audit(trial)
    with trial.database.transaction() as cursor:
        cursor.execute("UPDATE data_audits SET counts = '[{\"check\": 1}]'")
    with pytest.raises(Exception, match="is damaged"):
        trial.judge()
