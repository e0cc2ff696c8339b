"""`fairtrial data log` prints plots, JSON and a page, and refuses other files."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

from click.testing import CliRunner

from evaluators.training_data.read_log import read_log
from evaluators.training_data.training_log import Evaluation, TrainingLog, UnreadableLog, turning_point
from fairtrial_cli.commands.data import command
from fairtrial_cli.data_commands.log import charts_of, log_json, log_page, text_chart
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


OVERFIT = ROOT / "examples" / "support" / "training" / "log-overfit.json"


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [name for name, _ in attrs]


def test_the_plot_of_the_validation_loss_marks_its_turn() -> None:
    log = read_log(OVERFIT)
    chart = charts_of(log.train, log.validation)[1]
    lines = text_chart(chart, turning_point(log).at)
    assert lines[0] == "validation loss"
    assert lines[-1].strip() == "▲ epoch 12"
    lowest = next(line for line in reversed(lines) if "•" in line)
    assert lowest.index("•") == lines[-1].index("▲")


def test_a_training_loss_over_several_decades_has_a_logarithmic_axis() -> None:
    log = read_log(OVERFIT)
    train, validation = charts_of(log.train, log.validation)
    assert train.log and not validation.log
    assert train.loss_at(train.up(0.01)) == 0.01 or abs(train.loss_at(train.up(0.01)) - 0.01) < 1e-12


def test_one_constant_loss_is_plotted_too() -> None:
    [chart] = charts_of((), (Evaluation(1, 0.0), Evaluation(2, 0.0)))
    assert any("•" in line for line in text_chart(chart))


def test_the_page_loads_nothing_and_escapes_what_the_file_says() -> None:
    hostile = "<script>alert(1)</script>"
    log = TrainingLog(hostile, hostile, (Evaluation(1, 1.0), Evaluation(2, 0.5)), (), (hostile,))
    page = log_page([log, read_log(OVERFIT)])
    elements = Elements(page)
    assert "script" not in elements.names and elements.names.count("svg") == 3
    assert not {"src", "href", "onload"} & set(elements.attributes)
    assert "turned at epoch 12" in page


def test_a_program_gets_the_turn_and_every_loss() -> None:
    found = log_json(read_log(OVERFIT))
    assert found["turning_point"]["course"] == "turned" and found["turning_point"]["at"]["epoch"] == 12
    assert len(found["train"]) == 80
    assert [(one["step"], one["epoch"]) for one in found["validation"][:2]] == [(12.0, 6.0), (24.0, 12.0)]
