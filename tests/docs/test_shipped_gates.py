"""Every gate that ships or is shown has a line that can measure what was answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evaluators.criteria.content_lines import compares, is_judged_by_people
from evaluators.criteria.grammar import parse
from evaluators.gate.file import load
from evaluators.migration.successor_lines import content_lines
from fairtrial.config.file import yaml_file
from fairtrial_cli.commands.init import NAMES
from fairtrial_cli.main import fairtrial
from tests.fixtures.docs.pages import blocks, pages
from tests.fixtures.paths import ROOT

IMPORTED = ("suites", "docs/reference/examples")


def without_content(folder: Path) -> list[str]:
    files = sorted(folder.rglob("*gate.yaml"))
    assert files, folder
    gates = [(file, load(file)) for file in files]
    return [str(file) for file, gate in gates if not (gate.form_only or list(content_lines(gate)))]


def test_gates_of_this_repository_measure_content() -> None:
    assert [name for folder in IMPORTED for name in without_content(ROOT / folder)] == []


@pytest.mark.parametrize("template", NAMES)
def test_gates_of_the_templates_measure_content(tmp_path: Path, template: str) -> None:
    assert CliRunner().invoke(fairtrial, ["init", str(tmp_path), "--template", template]).exit_code == 0
    assert without_content(tmp_path) == []


def documents() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each mapping in YAML on a page, and in the suites of the repository, with its place."""
    texts = [(block.place, block.text) for page in pages() for block in blocks(page) if block.language == "yaml"]
    texts += [(str(path), path.read_text(encoding="utf-8")) for path in sorted((ROOT / "suites").rglob("suite.yaml"))]
    for place, text in texts:
        for document in yaml_file.parse(text, place):
            if isinstance(document.value, Mapping):
                yield place, document.value


def scorers(suite: Mapping[str, Any]) -> set[str]:
    """The names of its scorers that compare with references."""
    written = [entry if isinstance(entry, Mapping) else {entry: {}} for entry in suite.get("score", ())]
    options = [
        (kind, given if isinstance(given, Mapping) else {}) for entry in written for kind, given in entry.items()
    ]
    return {str(given.get("name", kind)) for kind, given in options if compares(kind, given)}


def test_gates_on_the_pages_measure_content() -> None:
    shown = list(documents())
    suites = {value["suite"]: value for _, value in shown if "suite" in value}
    gates = [(place, value) for place, value in shown if isinstance(value.get("gate"), str) and "suite" not in value]
    assert len(gates) >= 8
    comparing = {name: scorers(suite) for name, suite in suites.items()}
    empty = []
    for place, gate in gates:
        lines = [("", parse(line)) for line in gate.get("require", ())]
        lines += [(name, parse(line)) for name in gate.get("suites", ()) for line in suites[name].get("gate", ())]
        metrics = [(name, *line.metric.split(".")) if name else line.metric.split(".") for name, line in lines]
        scored = any(part[1] in comparing.get(part[0], ()) for part in metrics if len(part) > 1)
        if not (scored or "form_only" in gate or any(is_judged_by_people(line) for _, line in lines)):
            empty.append(place)
    assert empty == []
