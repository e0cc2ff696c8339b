"""`fairtrial data audit --deployment` makes the evidence by which `data.audit clean` ships, blocks and holds."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.paths import ROOT
from tests.fixtures.services import command
from tests.fixtures.services.gate_project import GATE, PROJECT, fairtrial, record, write_gate_project
from tests.fixtures.services.project_files import free_ports
from tests.fixtures.store.maintenance_fixture import end, start_control

TICKETS = ROOT / "examples/support/data"
TRAINED = """\
  tuned:
    model: openai/m2
    base_url: "http://127.0.0.1:9/v1"
    parent: base
    training: {method: lora, data: [data/train.jsonl], validation: [data/val.jsonl], cost: 4.20}
  wrong:
    model: openai/m3
    base_url: "http://127.0.0.1:9/v1"
    parent: base
    training: {base: base, method: lora, data: [data/train_wrongpattern.jsonl], validation: [data/val.jsonl]}
"""
BINDS = """\
gateway: {{bind: "127.0.0.1:{}"}}
control: {{bind: "127.0.0.1:{}"}}
dashboard: {{bind: "127.0.0.1:{}"}}
"""
LINE = "require:\n  - data.audit clean\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_gate_project(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("train", "train_wrongpattern", "val"):
        shutil.copyfile(TICKETS / f"{name}.jsonl", tmp_path / "data" / f"{name}.jsonl")
    old = next(line for line in PROJECT.splitlines(keepends=True) if line.startswith("  tuned:"))
    (tmp_path / "fairtrial.yaml").write_text(PROJECT.replace(old, TRAINED) + BINDS.format(*free_ports(3)))
    (tmp_path / "gate.yaml").write_text(GATE + LINE)
    for target in ("base", "tuned", "wrong"):
        record(tmp_path, target, 150)
    return tmp_path


@pytest.fixture(params=["the store is open to the command", "control owns the store"])
def owned(request: pytest.FixtureRequest, project: Path) -> Iterator[Path]:
    """The project, once without and once with a control process."""
    if request.param.startswith("the store"):
        yield project
        return
    process = start_control(project, "store.duckdb")
    yield project
    end(process)


def run(project: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = fairtrial(project, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def gate(project: Path, candidate: str, code: int) -> dict[str, Any]:
    """The verdict, as JSON; the exit code says which it is."""
    run(project, "gate", "gate.yaml", "--candidate", candidate, "--baseline", "base", "--json", "g.json", code=code)
    found: dict[str, Any] = json.loads((project / "g.json").read_text())
    return found


def says(verdict: dict[str, Any]) -> tuple[str, str]:
    [found] = [one for one in verdict["findings"] if one["rule"] == "data.audit clean"]
    return found["says"], found["needed"]


@pytest.mark.release("walks")
def test_a_gate_with_clean_data_ships_blocks_and_holds(owned: Path) -> None:
    held = gate(owned, "tuned", 3)
    assert says(held) == (
        "the training data of tuned has not been audited", "fairtrial data audit --deployment tuned",
    )  # fmt: skip
    done = run(owned, "data", "audit", "--deployment", "tuned")
    assert "of tuned (2 files, clean)" in done.stdout and "The training: lora from base; it cost $4.20." in done.stdout
    shipped = gate(owned, "tuned", 0)
    assert "finds no error and no warning (500 rows in 2 files" in says(shipped)[0]
    run(owned, "verdict", "recompute", shipped["verdict_id"])
    shown = run(owned, "verdict", "show", shipped["verdict_id"]).stdout
    lineage = (r"trained from +base", r"method +lora", r"cost of the training +\$4\.20")
    assert all(re.search(term, shown) for term in lineage), shown
    assert re.search(r"data/train\.jsonl +train\s+(SHA-256 when judged\s+)?12c2ebdaf835", shown), shown

    run(owned, "data", "audit", "--deployment", "wrong", code=1)
    blocked = gate(owned, "wrong", 1)
    assert "wrong-pattern in 96 rows" in says(blocked)[0] and "wrong-pattern" in blocked["headline"]

    with (owned / "data/train.jsonl").open("a") as file:
        file.write("\n")
    changed = gate(owned, "tuned", 3)
    assert "data/train.jsonl has changed" in says(changed)[0]
    run(owned, "verdict", "recompute", shipped["verdict_id"])


@pytest.mark.release("walks")
def test_two_audits_at_once_are_both_stored(owned: Path) -> None:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    arguments = ("data", "audit", "--deployment", "tuned", "--json")
    running = [command.start(*arguments, cwd=owned, **streams) for _ in range(2)]
    ends = [process.communicate(timeout=command.PATIENCE) for process in running]
    assert [process.returncode for process in running] == [0, 0], ends
    stored = {json.loads(out)["stored"]["audit_id"] for out, _ in ends}
    listed = json.loads(run(owned, "data", "audits", "--json").stdout)
    assert len(stored) == 2 and {audit["audit_id"] for audit in listed} == stored


@pytest.mark.release("walks")
def test_stored_audits_are_listed_and_hold_no_text(owned: Path) -> None:
    assert "No audits yet" in run(owned, "data", "audits").stdout
    found = json.loads(run(owned, "data", "audit", "--deployment", "tuned", "--json").stdout)
    rows = json.loads(run(owned, "data", "audits", "--json").stdout)
    assert [one["audit_id"] for one in rows] == [found["stored"]["audit_id"]]
    assert rows[0]["clean"] and [one["path"] for one in rows[0]["files"]] == ["data/train.jsonl", "data/val.jsonl"]
    assert "data/train.jsonl 12c2ebdaf835" in run(owned, "data", "audits", "--deployment", "tuned").stdout
    assert "No audits yet" in run(owned, "data", "audits", "--deployment", "wrong").stdout
    text = json.dumps(rows)
    assert "camera" not in text and "urgency" not in text


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("--deployment", "tunde"), "--deployment: the deployment 'tunde' does not exist (did you mean 'tuned'?)"),
        (("--deployment", "base"), "deployments.base.training is missing"),
        (("--deployment", "tuned", "data/val.jsonl"), "--deployment audits the files of its lineage"),
        ((), "name the FILES of the training set, or --deployment NAME"),
    ],
)
def test_a_deployment_that_cannot_be_audited_is_a_usage_error(
    project: Path, arguments: tuple[str, ...], wrong: str
) -> None:
    assert wrong in run(project, "data", "audit", *arguments, code=2).stderr


def test_the_command_works_from_another_folder_and_finds_a_missing_file(project: Path, tmp_path: Path) -> None:
    elsewhere = project / "data"
    done = run(elsewhere, "data", "audit", "--deployment", "tuned", "-c", "../fairtrial.yaml")
    assert "(2 files, clean)" in done.stdout
    gate(project, "tuned", 0)
    (project / "data/val.jsonl").unlink()
    missing = run(project, "data", "audit", "--deployment", "tuned", code=2)
    assert "deployments.tuned.training: there is no file data/val.jsonl" in missing.stderr
    warned = run(project, "check", "fairtrial.yaml")
    assert "there is no file 'data/val.jsonl'" in warned.stdout + warned.stderr
