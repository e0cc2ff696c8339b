"""Saved evaluations are imported as the file of summaries says: cases, scorers and criteria, and every suite loads."""

from __future__ import annotations

import json
from pathlib import Path

from evaluators.imports.files import check, files_of, summary
from evaluators.imports.imported import SOURCES
from tests.fixtures.paths import ROOT

SAVED = ROOT / "tests/fixtures/imports"


def test_every_saved_file_is_imported_as_its_summary_says() -> None:
    """`python -m tests.unit.evaluators.imports.test_saved_files` writes the summaries of today's code."""
    expected = json.loads((SAVED / "summaries.json").read_text())
    imported_files = imported()
    different = {name: (imported_files.get(name), expected.get(name)) for name in {*imported_files, *expected}}
    assert {name: pair for name, pair in different.items() if pair[0] != pair[1]} == {}


def imported() -> dict[str, list[str]]:
    """The folder or file of each import → a line for each of its suites, and one for each criterion."""
    imported_names: dict[str, list[str]] = {}
    for folder in sorted((SAVED / "openai").glob("*/")):
        files = [path for path in sorted(folder.iterdir()) if path.suffix in (".json", ".jsonl")]
        imported_names[f"openai/{folder.name}"] = lines("openai-evals", files)
    for path in sorted((SAVED / "promptfoo").glob("*/promptfooconfig.*")):
        imported_names[f"promptfoo/{path.parent.name}"] = lines("promptfoo", [path])
    for path in sorted((SAVED / "registry/evals").glob("*.yaml")):
        imported_names[f"registry/{path.name}"] = lines("openai-evals", [path])
    return imported_names


def lines(source: str, files: list[Path]) -> list[str]:
    suites = SOURCES.get(source).read(files, {})
    check(suites, files_of(suites))
    return [
        line
        for suite in suites
        for line in (
            f"{suite.name}: {summary(suite)}",
            *(
                f"{criterion.outcome} {criterion.name}: {criterion.note}"
                for criterion in suite.criteria
                if criterion.outcome != "equal"
            ),
        )
    ]


if __name__ == "__main__":
    text = json.dumps(imported(), indent=1, ensure_ascii=False)
    (SAVED / "summaries.json").write_text(f"{text}\n", encoding="utf-8")
