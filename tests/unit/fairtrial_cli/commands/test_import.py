"""`fairtrial import` prints each kind of criterion once, the next commands, and what a second import would change."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

from click.testing import CliRunner, Result

CONFIG = {
    "prompts": ["{{question}}"],
    "tests": [
        {
            "vars": {"question": text},
            "assert": [{"type": "equals", "value": text}, {"type": "llm-rubric", "value": "kind"}],
        }
        for text in ("one", "two", "three")
    ],
}


def run(*arguments: str) -> Result:
    command = import_module("fairtrial_cli.commands.import").command
    return CliRunner().invoke(command, list(arguments))


def test_an_import_lists_alike_criteria_once_and_the_next_commands(tmp_path: Path) -> None:
    config, folder = tmp_path / "mine.json", tmp_path / "to"
    config.write_text(json.dumps(CONFIG))
    printed = run("promptfoo", str(config), "--to", str(folder)).output
    assert "mine: 3 cases, 1 scorer; criteria: 4 equal, 0 near, 1 missing" in printed
    assert [line.split() for line in printed.splitlines() if line.startswith("equal")] == [
        ["equal", "prompt", "1"],
        ["equal", "equals", "3"],
    ]
    assert f"fairtrial check {folder}/mine.yaml {folder}/mine.gate.yaml" in printed
    assert f"fairtrial gate {folder}/mine.gate.yaml --candidate CANDIDATE --baseline BASE --run" in printed


def test_a_second_import_writes_nothing_unless_it_may_overwrite(tmp_path: Path) -> None:
    config, folder = tmp_path / "mine.json", tmp_path / "to"
    config.write_text(json.dumps(CONFIG))
    assert run("promptfoo", str(config), "--to", str(folder)).exit_code == 0
    rows = (folder / "mine.rows.jsonl").read_text()
    config.write_text(json.dumps(CONFIG).replace("three", "four"))
    second = run("promptfoo", str(config), "--to", str(folder))
    assert (second.exit_code, (folder / "mine.rows.jsonl").read_text()) == (1, rows)
    assert any(line.startswith("+") and "four" in line for line in second.output.splitlines())
    assert run("promptfoo", str(config), "--to", str(folder), "--overwrite").exit_code == 0
    assert "four" in (folder / "mine.rows.jsonl").read_text()


def test_a_suite_without_rows_has_no_next_command(tmp_path: Path) -> None:
    path = tmp_path / "eval.json"
    path.write_text(json.dumps({"id": "eval_1", "data_source_config": {"type": "custom"}, "testing_criteria": []}))
    printed = run("openai-evals", str(path), "--to", str(tmp_path / "to")).output
    assert "A suite without cases can't run. Import it together with its rows." in printed
    assert "fairtrial check" not in printed
