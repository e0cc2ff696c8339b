"""The demo walks its whole line on real models with a few cases: too few to decide, which the gate says itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fairtrial.config.project import load_project
from fairtrial.domain.errors import UsageError
from fairtrial.domain.verdict import EXIT_CODES
from fairtrial_cli.demo.setting import prepare
from fairtrial_cli.demo.traffic import intent_of, read_tickets
from tests.fixtures.paths import ROOT
from tests.fixtures.waiting import PATIENCE

DATA = ROOT / "examples" / "support" / "data"
SUITES = ROOT / "suites"


@pytest.mark.models
@pytest.mark.release("demo")
@pytest.mark.timeout(660)  # it measures the machine, and real models are slow on a busy one
def test_the_demo_runs_from_its_first_line_to_its_last_and_holds_on_too_few_cases(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fairtrial_cli.main", "demo", "--no-wait", "--limit", "2", "--users", "4"]
    folder = ["--folder", str(tmp_path / "demo")]
    shown = subprocess.run([*command, *folder], capture_output=True, text=True, timeout=600, check=False)
    assert shown.returncode == EXIT_CODES["HOLD"], shown.stdout + shown.stderr
    assert "4 customers: 4 answered, 0 errors" in shown.stdout
    assert re.search(r"STOPPED at [\d:]{8} UTC by control: requests\.error_rate of next: ", shown.stdout)
    assert "All traffic is on base: it answered 4 of 4 customers who came afterwards." in shown.stdout
    assert re.search(r"^  Not decided yet\.", shown.stdout, re.MULTILINE)
    assert "with min_days 0 because this is a demo" in shown.stdout
    for candidate in ("support-v2", "support-v1", "support-overfit", "support-wrongpattern"):
        assert f"HOLD {candidate}" in shown.stdout
    assert "What support-v1 shows" in shown.stdout
    assert "2 pairs of answers are ready for blind review" in shown.stdout
    (again,) = [line for line in shown.stdout.splitlines() if "support-reviewed.gate.yaml" in line]
    judged = subprocess.run(again.split(), capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert judged.returncode == EXIT_CODES["HOLD"], judged.stdout + judged.stderr
    assert "support-tickets" in judged.stdout and "review.preference" in judged.stdout


def test_a_demo_that_was_broken_off_is_taken_up_and_a_finished_one_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    first = prepare(folder, fresh=False)
    (folder / "answers").touch()
    assert not first.resumed
    assert prepare(folder, fresh=False).resumed
    assert (folder / "answers").exists()
    first.finish()
    assert not prepare(folder, fresh=False).resumed
    assert not (folder / "answers").exists()


def test_only_the_late_server_has_a_short_time_limit(tmp_path: Path) -> None:
    setting = prepare(tmp_path / "demo", fresh=False)
    setting.allow(7.5)
    deployments = load_project(setting.project, {}).plan.deployments
    assert {name for name, one in deployments.items() if one.timeouts.first_byte == 7.5} == {"support-next"}
    assert f"127.0.0.1:{setting.ports['late']}/" in deployments["support-next"].base_url


def test_the_demo_never_clears_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(UsageError, match="contains other files"):
        prepare(tmp_path, fresh=True)
    assert (tmp_path / "thesis.txt").exists()


def test_simulated_customers_know_what_they_meant() -> None:
    tickets = read_tickets([DATA / "val.jsonl", SUITES / "support" / "test.jsonl"])
    assert len(tickets) == 180
    assert {ticket.messages[-1]["role"] for ticket in tickets} == {"user"}
    assert intent_of('{"intent": "refund"}') == "refund"
    assert intent_of("I can help with that.") is None
    assert intent_of("[]") is None
