"""Imported criteria that are called equal give the scores of the originals, which `make originals` ran."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluators.engine.scoring import score_case
from evaluators.imports.files import check, files_of, write
from evaluators.imports.imported import SOURCES, ImportedSuite
from evaluators.loading.suite_reader import load
from evaluators.loading.template import text_or_json
from evaluators.suite import Suite
from fairtrial.domain.run import Answer, Score
from tests.fixtures.paths import ROOT

GOLDEN = ROOT / "tests/fixtures/imports/originals"
SAME = 1e-9


def test_assertions_of_promptfoo_score_as_the_original_does(tmp_path: Path) -> None:
    golden = json.loads((GOLDEN / "promptfoo.json").read_text())
    results = [test for test in golden["results"] if not _is_weighted(test)]
    tests = [{"vars": {"input": "?"}, **test, "scores": None} for test in results]
    suite, loaded = _imported("promptfoo", tmp_path / "c.json", {"prompts": ["{{input}}"], "tests": tests})
    equal, wrong = 0, []
    for at, test in enumerate(results):
        original = [[float(passed), score] for passed, score in test["scores"]]
        for scorer in _equal_scorers(suite, test["assert"]):
            equal += 1
            wrong += list(_differences(loaded, at, scorer, golden["answers"], original))
    assert (wrong, equal) == ([], 59), wrong


def test_weighted_tests_of_promptfoo_score_as_the_original_does(tmp_path: Path) -> None:
    golden = json.loads((GOLDEN / "promptfoo.json").read_text())
    weighted = [test for test in golden["results"] if _is_weighted(test)]
    wrong = []
    for at, test in enumerate(weighted):
        tests = [{"vars": {"input": "?"}, **test, "scores": None}]
        (tmp_path / str(at)).mkdir()
        suite, loaded = _imported(
            "promptfoo", tmp_path / str(at) / "c.json", {"prompts": ["{{input}}"], "tests": tests}
        )
        last = suite.criteria[-1]
        original = [[float(passed), score] for passed, score in test["scores"]]
        if last.outcome == "equal":
            wrong += list(_differences(loaded, 0, last.scorer, golden["answers"], original))
    assert (wrong, len(weighted)) == ([], 7), wrong


def test_classes_of_the_registry_score_as_the_original_does(tmp_path: Path) -> None:
    golden = json.loads((GOLDEN / "registry.json").read_text())
    wrong, outcomes = [], []
    for at, entry in enumerate(golden["results"]):
        folder = tmp_path / str(at)
        folder.mkdir()
        sample = {"input": [{"role": "user", "content": "?"}], "ideal": entry["ideal"]}
        (folder / "s.jsonl").write_text(json.dumps(sample))
        arguments = {"samples_jsonl": "s.jsonl", **entry.get("args", {})}
        definition = {"e.v0": {"class": f"evals.elsuite.basic:{entry['class']}", "args": arguments}}
        suite, loaded = _imported("openai-evals", folder / "e.yaml", definition)
        [criterion] = [criterion for criterion in suite.criteria if criterion.name == entry["class"]]
        outcomes.append(criterion.outcome)
        if criterion.outcome == "equal":
            original = [[float(right)] for right in entry["scores"]]
            wrong += list(_differences(loaded, 0, criterion.scorer, golden["answers"], original))
    assert (wrong, outcomes.count("equal")) == ([], 23), wrong


def _is_weighted(test: Mapping[str, Any]) -> bool:
    return len(test["assert"]) > 1 or "assert" in test["assert"][0]


def _equal_scorers(suite: ImportedSuite, assertions: Sequence[Any]) -> list[str | None]:
    """The scorers of assertions that the report lists as equal."""
    originals = {text_or_json(assertion) for assertion in assertions}
    return [
        criterion.scorer
        for criterion in suite.criteria
        if criterion.original in originals and criterion.outcome == "equal"
    ]


def _imported(source: str, path: Path, value: Any) -> tuple[ImportedSuite, Suite]:
    path.write_text(json.dumps(value))
    [suite] = SOURCES.get(source).read([path], {})
    files = files_of([suite])
    check([suite], files)
    write(files, path.parent / "to")
    [loaded] = load(path.parent / "to" / f"{suite.name}.yaml") if suite.rows and suite.score else [None]
    return suite, loaded  # type: ignore[return-value]


def _differences(
    suite: Suite, row: int, scorer: str | None, answers: list[str], original: list[list[float]]
) -> Iterator[str]:
    """The answers whose values differ from the original's: whether they pass, and their score."""
    case = next(case for case in suite.cases if case.case_id == str(row + 1))
    [stats] = [each.stats for each in suite.scorers if each.name == scorer]
    for answer, values in zip(answers, original, strict=True):
        score = score_case(suite, case, 0, Answer(answer)).scores[str(scorer)]
        assert isinstance(score, Score)
        originally = values if stats[0].name == "pass" or len(values) == 1 else values[1:]
        here = [score.values[stat.name] for stat in stats[: len(originally)]]
        if any(first is None or abs(first - second) > SAME for first, second in zip(here, originally, strict=False)):
            yield f"{scorer}: {answer!r}: {here}, originally {originally}"
