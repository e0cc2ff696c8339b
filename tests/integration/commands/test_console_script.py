"""Commands run from the installed console script, in a new interpreter that has imported nothing before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fairtrial_cli.main import COMMANDS
from tests.fixtures.services.gate_project import record, write_gate_project

SCRIPT = Path(sys.executable).with_name("fairtrial")
PATIENCE = 120
CALLS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "accounts": (("list",), 0, "fairtrial accounts invite"),
    "alarms": (("test",), 2, "alarms.targets"),
    "compare": (("small@tuned", "small@base"), 0, "exact"),
    "config": (("log",), 0, ""),
    "cost": (("nothing",), 2, "nothing"),
    "dashboard": (("--link",), 2, "control"),
    "data": (("audits",), 0, "No audits yet"),
    "experiment": (("plan", "nothing"), 2, "nothing"),
    "health": (("http://127.0.0.1:9/readyz",), 1, "127.0.0.1:9"),
    "import": (("csv", "none.csv", "--to", "suites"), 2, "none.csv"),
    "keys": (("list",), 0, ""),
    "migrate": (("nothing", "tuned"), 2, "nothing"),
    "shadow": (("status",), 0, "no shadow"),
    "parity": (("none.jsonl", "--on", "tuned"), 2, "none.jsonl"),
    "prices": ((), 0, "US dollars per million tokens"),
    "report": (("small@tuned", "small@base", "--markdown"), 0, "small against base"),
    "requests": (("list",), 0, ""),
    "review": (("status",), 0, "no queues yet"),
    "runs": (("show", "small@tuned", "--against", "small@base"), 0, "0 lost, 0 gained, 150 same"),
    "simulate": (("nothing", "--per-week", "100"), 2, "nothing"),
    "store": (("info",), 0, ""),
    "verdict": (("list",), 0, "No verdicts yet"),
}
"""Arguments of a command, its exit code, and a part of what it prints."""

ELSEWHERE = {"check", "control", "demo", "eval", "gate", "gateway", "init", "models", "up"}
"""Commands that tests of printed commands, of services and of the demo run in new interpreters."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_gate_project(tmp_path_factory.mktemp("project"))
    for target in ("base", "tuned"):
        record(folder, target, 150)
    return folder


def test_every_command_runs_in_a_new_interpreter_somewhere() -> None:
    assert sorted({*CALLS, *ELSEWHERE}) == sorted(COMMANDS.names())


EVERYDAY = {"compare", "keys", "store", "verdict"}
"""The others run in `make release`: each starts an interpreter, and those differ in one import."""
NAMES = [pytest.param(name, marks=() if name in EVERYDAY else pytest.mark.release("stories")) for name in CALLS]


@pytest.mark.parametrize("name", NAMES)
def test_a_command_runs_from_the_console_script(project: Path, name: str) -> None:
    arguments, code, words = CALLS[name]
    command = [str(SCRIPT), name, *arguments]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stdout + done.stderr and "Traceback" not in done.stderr


def test_the_former_command_of_the_history_names_the_new_one_in_a_line(project: Path) -> None:
    done = subprocess.run([str(SCRIPT), "plan", "log"], cwd=project, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: fairtrial plan: use fairtrial config log, show [--at TIME] or diff\n"
