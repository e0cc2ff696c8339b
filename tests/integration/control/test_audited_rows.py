"""Control shows the rows of a stored audit again, masked, and only while the file is the one that was audited."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from fairtrial.api import data_audits
from fairtrial.api.data_audits import FixedCopy, NameAudit, RowsOf
from fairtrial.api.events import ListEvents, listing as events
from fairtrial.api.operation import Operation, Q, R
from fairtrial.config.layout import Layout
from fairtrial.domain.errors import UsageError
from fairtrial.domain.training_data import AuditFile, AuditFinding
from fairtrial_cli.data_commands.audit import command
from fairtrial_cli.store_client.client import open_store
from tests.fixtures.services.gate_project import PROJECT
from tests.fixtures.training_data.reports import Row, as_lines, sound_rows, with_text

TRAINING = "parent: base, training: {method: lora, data: [data/train.jsonl], validation: [data/val.jsonl]}}"


def rows_with_faults() -> list[Row]:
    """60 sound rows, of which one has an e-mail address and one no answer, and a copy of the third."""
    rows = sound_rows(60, seed=1)
    rows[5] = with_text(rows[5], 1, "please mail anna@example.org")
    rows[7] = with_text(rows[7], -1, "")
    return [*rows, rows[2]]


@pytest.fixture(name="project")
def project_fixture(tmp_path: Path) -> Path:
    (tmp_path / "fairtrial.yaml").write_text(PROJECT.replace("parent: base}", TRAINING))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train.jsonl").write_text(as_lines(rows_with_faults()), encoding="utf-8")
    (tmp_path / "data/val.jsonl").write_text(as_lines(sound_rows(20, seed=2)), encoding="utf-8")
    return tmp_path


class Store:
    """The project's store, opened for each call, because the audit's command opens it, too."""

    def __init__(self, project: Path) -> None:
        self._project = project

    def call(self, operation: Operation[Q, R], request: Q) -> R:
        with open_store(Layout(self._project / "store.duckdb"), self._project / "fairtrial.yaml") as client:
            return client.call(operation, request)


@pytest.fixture(name="client")
def client_fixture(project: Path) -> Store:
    return Store(project)


def audited(project: Path) -> dict[str, Any]:
    """Audit the lineage; returns what was printed as JSON."""
    config = ["-c", str(project / "fairtrial.yaml")]
    done = CliRunner().invoke(command, ["--deployment", "tuned", *config, "--json"], catch_exceptions=False)
    printed: dict[str, Any] = json.loads(done.output)
    return printed


@pytest.fixture(name="audit_id")
def audit_id_fixture(project: Path) -> str:
    return str(audited(project)["stored"]["audit_id"])


def number_of(client: Store, audit_id: str, check: str) -> int:
    """The position of the first finding of a check."""
    findings = client.call(data_audits.one, NameAudit(audit_id=audit_id)).findings
    return next(at for at, one in enumerate(findings) if one.check == check)


@pytest.mark.release("stories")
def test_the_store_has_lines_and_no_text(audit_id: str, client: Store) -> None:
    found = client.call(data_audits.one, NameAudit(audit_id=audit_id))
    pii = next(finding for finding in found.findings if finding.check == "pii")
    assert (pii.severity, pii.lines) == ("warning", (6,))
    assert found.previous is None and found.checks["pii" if "pii" in found.checks else "duplicates"]
    text = msgspec.json.encode((found.findings, found.audit)).decode()
    assert "anna" not in text and "facilities" not in text


def test_rows_are_masked_and_groups_stand_together(audit_id: str, client: Store) -> None:
    wanted = RowsOf(audit_id=audit_id, finding=number_of(client, audit_id, "pii"))
    [[row]] = client.call(data_audits.rows, wanted).groups
    assert (row.line, row.file, row.messages[0]) == (
        6, "data/train.jsonl", ("user", "please mail [email]"),
    )  # fmt: skip
    wanted = RowsOf(audit_id=audit_id, finding=number_of(client, audit_id, "duplicates"))
    [group] = client.call(data_audits.rows, wanted).groups
    assert [row.line for row in group] == [3, 61]
    with pytest.raises(UsageError, match="has no finding 99"):
        client.call(data_audits.rows, RowsOf(audit_id=audit_id, finding=99))


def test_a_file_that_changed_or_left_the_lineage_is_not_shown(project: Path, audit_id: str, client: Store) -> None:
    wanted = RowsOf(audit_id=audit_id, finding=number_of(client, audit_id, "pii"))
    path = project / "data/train.jsonl"
    before = path.read_bytes()
    path.write_bytes(before + b"\n")
    with pytest.raises(UsageError, match="the file has changed since the audit"):
        client.call(data_audits.rows, wanted)
    path.write_bytes(before)
    config = project / "fairtrial.yaml"
    config.write_text(config.read_text().replace("data: [data/train.jsonl]", "data: [data/val.jsonl]")
                      .replace("validation: [data/val.jsonl]", "validation: []"))  # fmt: skip
    with pytest.raises(UsageError, match="does not name the file as train data"):
        client.call(data_audits.rows, wanted)


def test_an_audit_that_names_a_file_outside_the_project_shows_nothing(project: Path, client: Store) -> None:
    (project.parent / "secret.jsonl").write_text("{}")
    files = (AuditFile("../secret.jsonl", "train", "a" * 64, 1, "chat"),)
    finding = AuditFinding("pii", "", "warning", 0, 1, (1,))
    forged = data_audits.StoreAudit(
        deployment="tuned", version="2", seconds=1.0, files=files, counts=(), findings=(finding,)
    )
    stored = client.call(data_audits.store, forged)
    with pytest.raises(UsageError, match="the project does not name the file"):
        client.call(data_audits.rows, RowsOf(audit_id=stored.audit_id, finding=0))


def test_a_fixed_copy_applies_the_chosen_repairs_and_is_in_the_trail(
    project: Path, audit_id: str, client: Store
) -> None:
    before = (project / "data/train.jsonl").read_bytes()
    plain = client.call(data_audits.fixed, FixedCopy(audit_id=audit_id)).splitlines()
    chosen = client.call(data_audits.fixed, FixedCopy(audit_id=audit_id, apply=("empty", "pii"))).splitlines()
    assert (len(plain), len(chosen)) == (61, 60)
    assert b"anna@example.org" not in b"".join(chosen) and (project / "data/train.jsonl").read_bytes() == before
    with pytest.raises(UsageError, match="apply: 'everything' is not a repair"):
        client.call(data_audits.fixed, FixedCopy(audit_id=audit_id, apply=("everything",)))
    trail = client.call(events, ListEvents(action="data.copy"))
    assert [json.loads(row.details)["apply"] for row in trail] == [["empty", "pii"], []]


def test_the_next_audit_says_what_changed(project: Path, audit_id: str, client: Store) -> None:
    path = project / "data/train.jsonl"
    path.write_text(as_lines(rows_with_faults()[:60]), encoding="utf-8")
    found = client.call(data_audits.one, NameAudit(audit_id=audited(project)["stored"]["audit_id"]))
    assert found.previous is not None and found.previous.audit_id == audit_id
    changes = {row.what: (row.before, row.now) for row in found.difference}
    assert changes["rows of data/train.jsonl"] == (61, 60) and changes["duplicates (warning)"] == (1, None)


def test_waivers_of_the_lineage_are_applied_printed_and_stored(project: Path, client: Store) -> None:
    accepted = [f"{{check: {check}, all: true, reason: a pilot, owner: Rosa}}" for check in ("completions", "pii")]
    accepted.append("{check: duplicates, kind: near, all: true, reason: a pilot, owner: Uli}")
    config = project / "fairtrial.yaml"
    config.write_text(config.read_text().replace("method: lora", f"method: lora, waivers: [{', '.join(accepted)}]"))
    printed = CliRunner().invoke(command, ["--deployment", "tuned", "-c", str(config)], catch_exceptions=False).output
    words = " ".join(printed.split())
    headline = printed.partition("\n")[0]
    assert headline.startswith("not clean: 1 warning in 61 training rows") and "2 waivers applied" in headline
    assert "(row 8); waived in 1 by Rosa: a pilot" in words
    assert "warning: the waiver of duplicates/near by Uli covers nothing" in words
    [stored] = client.call(data_audits.listing, data_audits.ListAudits())
    assert [(part.count.check, part.count.rows, part.waiver.owner) for part in stored.waived] == [
        ("completions", 1, "Rosa"), ("pii", 1, "Rosa"),
    ]  # fmt: skip
    assert [count.check for count in stored.counts if count.severity in ("error", "warning")] == ["duplicates"]
