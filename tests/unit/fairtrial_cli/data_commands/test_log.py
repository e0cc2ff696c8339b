"""`fairtrial data log` prints plots, JSON and a page, and refuses other files."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from evaluators.training_data.training_log import UnreadableLog
from fairtrial_cli.commands.data import command
from tests.fixtures.paths import ROOT

LOGS = ROOT / "examples" / "support" / "training"


def test_the_logs_of_the_example_are_plotted_and_the_overfitted_one_is_named(tmp_path: Path) -> None:
    page = tmp_path / "loss.html"
    files = [str(LOGS / "log-overfit.json"), str(LOGS / "log-v2.json")]
    done = CliRunner().invoke(command, ["log", *files, "--html", str(page)])
    assert done.exit_code == 0, done.output
    assert "Validation loss turned at epoch 12" in done.output and "still falling at the end (epoch 3)" in done.output
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_json_has_one_entry_for_each_file() -> None:
    done = CliRunner().invoke(command, ["log", str(LOGS / "log-v2.json"), "--json"])
    [found] = json.loads(done.output)
    assert found["turning_point"]["course"] == "still falling" and found["format"] == "lists of losses"


def test_another_file_ends_the_command_with_2(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    done = CliRunner().invoke(command, ["log", str(tmp_path / "notes.txt")])
    assert isinstance(done.exception, UnreadableLog) and done.exception.exit_code == 2
    assert "no loss is recorded" in str(done.exception)


def test_the_log_of_a_lineage_is_found_and_a_missing_one_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.json").write_text((LOGS / "log-overfit.json").read_text())
    lineage = "{base: base, method: lora, data: [train.jsonl], log: run/log.json}"
    deployments = (
        '  base: {model: openai/base, base_url: "http://127.0.0.1:9/v1"}\n'
        f'  tuned: {{model: openai/tuned, base_url: "http://127.0.0.1:9/v1", parent: base, training: {lineage}}}\n'
    )
    (tmp_path / "train.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    project = tmp_path / "fairtrial.yaml"
    project.write_text(f"version: 1\ndeployments:\n{deployments}")
    done = CliRunner().invoke(command, ["log", "--deployment", "tuned", "-c", str(project)])
    assert done.exit_code == 0 and "turned at epoch 12" in done.output, done.output
    done = CliRunner().invoke(command, ["log", "--deployment", "base", "-c", str(project)])
    assert "its training log is unknown (name it in 'training.log')" in str(done.exception)
    assert CliRunner().invoke(command, ["log"]).exit_code == 2
