"""`fairtrial verdict verify` and `recompute` at the command line, after a row of the store was changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairtrial.config.layout import Layout
from fairtrial.store.core.database import Database
from tests.fixtures.services.gate_project import fairtrial, gate, record, write_gate_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an approved SHIP of the official gate."""
    folder = write_gate_project(tmp_path_factory.mktemp("verifying"))
    with (folder / "fairtrial.yaml").open("a") as file:
        file.write("releases: {gate: gate.yaml}\n")
    for target in ("base", "tuned"):
        record(folder, target, 150)
    gate(folder, "--json", "g.json")
    done = fairtrial(folder, "verdict", "approve", verdict_of(folder), "--why", "read 40 answers")
    assert done.returncode == 0, done.stderr
    return folder


def verdict_of(project: Path) -> str:
    return str(json.loads((project / "g.json").read_text())["verdict_id"])


def change(project: Path, sql: str) -> None:
    database = Database.open(Layout(project / "store.duckdb"))
    with database.transaction() as cursor:
        cursor.execute(sql)
    database.close()


def test_an_unchanged_store_is_intact_and_the_same(project: Path) -> None:
    done = fairtrial(project, "verdict", "verify")
    assert done.returncode == 0, done.stdout
    assert "As the audit trail recorded them: 1 approval, 1 verdict." in done.stdout
    assert "Head of the chain: 1 " in done.stdout and "Head of the audit trail: 2 " in done.stdout
    assert "Not covered" not in done.stdout and "CHANGED" not in done.stdout
    done = fairtrial(project, "verdict", "recompute", verdict_of(project))
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "THE SAME")


def test_a_changed_approval_is_named_with_its_table_and_row(project: Path) -> None:
    change(project, "UPDATE approvals SET why = 'read nothing'")
    done = fairtrial(project, "verdict", "verify")
    says = f"approval 1 of the verdict {verdict_of(project)} was changed after it was stored"
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"CHANGED: {says}" and "Intact" not in done.stdout
    found = json.loads(fairtrial(project, "verdict", "verify", verdict_of(project), "--json").stdout)
    problem = {"table": "approvals", "row": "1", "says": says, "verdict_id": verdict_of(project)}
    assert (found["intact"], found["problems"]) == (False, [problem])
    change(project, "UPDATE approvals SET why = 'read 40 answers'")
    assert fairtrial(project, "verdict", "verify").returncode == 0


def test_a_changed_finding_is_named_by_recompute(project: Path) -> None:
    change(project, """UPDATE verdicts SET verdict = replace(verdict::VARCHAR, '"result":"pass"', '"result":"fail"')""")
    done = fairtrial(project, "verdict", "recompute", verdict_of(project))
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[0]) == (1, "CHANGED")
    assert "fail when stored, pass now" in lines[1]
    found = json.loads(fairtrial(project, "verdict", "recompute", verdict_of(project), "--json").stdout)
    assert (found["result"], found["same"]) == ("CHANGED", False) and lines[1] == found["differences"][0]
