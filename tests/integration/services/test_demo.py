"""The demo walks its whole line: with known answers in `make test`, and on real models before a release."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from fairtrial.config.owner_lock import OwnerLock
from fairtrial.config.project import load_project
from fairtrial.domain.errors import INTERRUPTED, StoreLocked, UsageError
from fairtrial.domain.promises import EXIT_CODES
from fairtrial_cli.demo import show as demo
from fairtrial_cli.demo.setting import prepare
from fairtrial_cli.demo.traffic import intent_of, read_tickets
from tests.fixtures.paths import ROOT
from tests.fixtures.services.command import fairtrial
from tests.fixtures.services.demo_models import known_answers
from tests.fixtures.services.forked_services import ForkedServices
from tests.fixtures.services.process_tree import Tree
from tests.fixtures.waiting import PATIENCE

DATA = ROOT / "examples" / "support" / "data"
SUITES = ROOT / "suites"
COMMAND = (sys.executable, "-m", "fairtrial_cli.main", "demo")
MOMENTS = (
    "starting the local models",
    "measuring how many answers",
    "starting gateway",
    "base and support-overfit on",
    "judging support-overfit",
    "base and support-v2 on",
    "Type (in another terminal)",
)
"""The beginnings of the lines at which the demo is interrupted."""
LATE_SERVER = re.compile(
    r"(PAUSED|STOPPED) at [\d:]{8} UTC by control: requests\.error_rate of next( is proven to be worse)?: "
)
"""A look may find that a decline is proven before it finds that more than the margin is, or both at once."""


@pytest.mark.release("short_demo")
def test_the_demo_tells_its_story_and_holds_on_too_few_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "Services", ForkedServices)
    options = demo.DemoOptions(tmp_path / "demo", wait=False, users=12, limit=12)
    console = Console(file=io.StringIO(), width=200)
    assert demo.show(options, console, models=known_answers) == 0
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert shown.index("BLOCK support-overfit") < shown.index("HOLD support-v2") < shown.index("Unofficial HOLD")
    assert "12 of 120 tickets, 12 of 400 general questions, 36 of 90 edge cases, 12 of 120 customers" in shown
    assert "12 customers: 12 answered, 0 errors" in shown
    assert LATE_SERVER.search(shown)
    assert "All traffic is on base: it answered 4 of 4 customers who came afterwards." in shown
    assert "with min_days 0 because this is a demo" in shown
    assert re.search(r"At the invented prices of the project, tuned pays from [\d,]+ requests a month \(", shown)
    closing = shown[shown.index("May this fine-tune replace its base?") :]
    assert re.search(r"^BLOCK +support-overfit +release gate, on the tickets alone: ", closing, re.MULTILINE)
    assert re.search(r"^HOLD +support-v2 +release gate: ", closing, re.MULTILINE)
    assert re.search(r"^HOLD +support-v2 +gate with blind reviews: ", closing, re.MULTILINE)
    assert "review.preference: 12 more judged pairs" in closing
    commands = [shlex.split(line)[1:] for line in closing.splitlines() if line.startswith("  ") and " -c " in line]
    codes = {command[0]: fairtrial(*command, cwd=ROOT).returncode for command in commands}
    assert codes == {"gate": EXIT_CODES["HOLD"], "experiment": 0, "cost": 0}


@pytest.mark.models
@pytest.mark.release("demo")
@pytest.mark.timeout(1500)
def test_the_demo_of_the_readme_judges_real_models_and_its_next_command_works(tmp_path: Path) -> None:
    command = [*COMMAND, "--no-wait", "--folder", str(tmp_path / "demo")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^This machine gives [\d.]+ answers a second to support tickets\.", ran.stdout, re.MULTILINE)
    assert re.search(r"^BLOCK +support-overfit +release gate, on the tickets alone: ", ran.stdout, re.MULTILINE)
    assert re.search(r"^SHIP +support-v2 +release gate: ", ran.stdout, re.MULTILINE)
    assert "As commands, these gates exit with 1, 5 and 3." in ran.stdout
    assert LATE_SERVER.search(ran.stdout)
    (again,) = [line for line in ran.stdout.splitlines() if "support-reviewed.gate.yaml -c" in line]
    judged = subprocess.run(again.split(), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert judged.returncode == EXIT_CODES["HOLD"], judged.stdout + judged.stderr
    assert "support-tickets" in judged.stdout and "review.preference" in judged.stdout


@pytest.mark.models
@pytest.mark.release("demo")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_ends_every_process_that_the_demo_has_started(tmp_path: Path, moment: str) -> None:
    command = [*COMMAND, "--folder", str(tmp_path / "demo"), "--limit", "8", "--users", "4"]
    environ = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ) as running:
        assert running.stdout is not None
        assert any(moment in line.decode() for line in iter(running.stdout.readline, b"")), "the demo ended before"
        drain = threading.Thread(target=running.stdout.read, daemon=True)
        drain.start()
        tree = Tree(running.pid)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == INTERRUPTED
        drain.join()
    assert tree.alive() == []


def test_a_demo_starts_over_in_the_folder_of_an_earlier_one(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    prepare(folder)
    (folder / "answers").touch()
    prepare(folder)
    assert not (folder / "answers").exists()


@pytest.fixture
def running_demo(tmp_path: Path) -> Iterator[Path]:
    """The folder of a demo whose store is in use."""
    setting = prepare(tmp_path / "demo")
    lock = OwnerLock.take(load_project(setting.project, {}).layout.make())
    yield setting.folder
    lock.release()


def test_a_demo_never_clears_the_folder_of_one_that_still_runs(running_demo: Path) -> None:
    with pytest.raises(StoreLocked):
        prepare(running_demo)
    assert (running_demo / "fairtrial.yaml").exists()


def test_only_the_late_server_has_a_short_time_limit(tmp_path: Path) -> None:
    setting = prepare(tmp_path / "demo")
    setting.allow(7.5)
    deployments = load_project(setting.project, {}).plan.deployments
    assert {name for name, one in deployments.items() if one.timeouts.first_byte == 7.5} == {"support-next"}
    assert f"127.0.0.1:{setting.ports.late}/" in deployments["support-next"].base_url


def test_the_demo_never_clears_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(UsageError, match="contains other files"):
        prepare(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_simulated_customers_know_what_they_meant() -> None:
    tickets = read_tickets([DATA / "val.jsonl", SUITES / "support" / "test.jsonl"])
    assert len(tickets) == 180
    assert {ticket.messages[-1]["role"] for ticket in tickets} == {"user"}
    assert intent_of('{"intent": "refund"}') == "refund"
    assert intent_of("I can help with that.") is None
    assert intent_of("[]") is None
