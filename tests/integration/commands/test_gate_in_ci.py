"""docs/how-to/gate-in-ci.md: its script is run in a new project, and its workflow follows GitHub's own schema."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.fixtures.docs.command_blocks import command_blocks
from tests.fixtures.services.printed_commands import ROOT, Terminal
from tests.fixtures.services.project_files import free_ports

PAGE = (ROOT / "docs" / "how-to" / "gate-in-ci.md").read_text()
PATIENCE = 180


def printed_file(name: str) -> str:
    """The block of the page that stands under the comment with the file's name."""
    (block,) = re.findall(rf"<!-- file: {re.escape(name)} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    return str(block)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """In a project of `fairtrial init` whose models run."""
    ports = free_ports(4)
    known = ("8000", "8080", "8081", "8501")
    replace = {f"127.0.0.1:{old}": f"127.0.0.1:{new}" for old, new in zip(known, ports, strict=True)}
    with Terminal(tmp_path_factory.mktemp("ci"), {**replace, "--port 8000": f"--port {ports[0]}"}) as running:
        running.run("fairtrial init shop\ncd shop")
        running.substitute_files()
        running.run("fairtrial models serve --sample --port 8000   # keep it running")
        (running.folder / "ci").mkdir()
        (running.folder / "ci" / "gate.sh").write_text(printed_file("ci/gate.sh"))
        yield running


def job(terminal: Terminal, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", "ci/gate.sh", *arguments]
    return subprocess.run(
        command,
        cwd=terminal.folder,
        env=terminal.environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.release("walks")
def test_a_good_candidate_passes_and_leaves_its_reports(terminal: Terminal) -> None:
    whole_job, of_a_fork = (
        block.block.text for block in command_blocks() if block.block.page == "docs/how-to/gate-in-ci.md"
    )
    assert whole_job == "sh ci/gate.sh tuned base\n"
    forked = subprocess.run(
        ["sh", "-c", of_a_fork],
        cwd=terminal.folder,
        env=terminal.environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert forked.returncode == 0, forked.stdout + forked.stderr
    done = job(terminal, "tuned", "base")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SHIP: tuned may replace base" in done.stdout
    reports = terminal.folder / "reports"
    verdict = json.loads((reports / "gate.json").read_text())
    assert (verdict["decision"], verdict["exit_code"]) == ("SHIP", 0)
    assert "# " in (reports / "gate.md").read_text()
    assert "<testsuite" in (reports / "gate.xml").read_text()


@pytest.mark.release("walks")
def test_a_worse_candidate_stops_the_pipeline_with_the_verdicts_own_code(terminal: Terminal) -> None:
    done = job(terminal, "base", "tuned")
    verdict = json.loads((terminal.folder / "reports" / "gate.json").read_text())["decision"]
    assert done.returncode == {"BLOCK": 1, "HOLD": 3}[verdict]
    assert f"{verdict}: " in done.stdout


@pytest.mark.release("stories")
def test_a_mistake_in_the_command_is_no_verdict(terminal: Terminal) -> None:
    done = job(terminal, "nobody", "base")
    assert done.returncode == 2
    assert "nobody" in done.stderr


@pytest.mark.parametrize("name", ["gate.yml", "pull-request.yml"])
def test_a_workflow_follows_githubs_schema_and_passes_the_exit_code_on(name: str, tmp_path: Path) -> None:
    workflow = tmp_path / name
    workflow.write_text(printed_file(f".github/workflows/{name}"))
    checker = str(Path(sys.executable).with_name("check-jsonschema"))
    checked = subprocess.run(
        [checker, "--builtin-schema", "vendor.github-workflows", str(workflow)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    assert "continue-on-error" not in workflow.read_text()
    assert "|| true" not in workflow.read_text()


def test_the_workflow_of_pull_requests_uses_inputs_that_the_action_has() -> None:
    yaml = YAML(typ="safe", pure=True)
    (job,) = yaml.load(printed_file(".github/workflows/pull-request.yml"))["jobs"].values()
    (step,) = (step for step in job["steps"] if step["uses"].startswith("OWNER/fairtrial@"))
    assert set(step["with"]) <= set(yaml.load(ROOT / "action.yml")["inputs"])
    assert set(step["with"]["required-env"].split()) == set(step["env"])
