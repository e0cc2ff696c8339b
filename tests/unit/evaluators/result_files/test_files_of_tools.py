"""Files that promptfoo, Inspect, lm-eval and OpenAI evals wrote are judged as a suite with the same answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluators.result_files.judged_files import FileOptions, judge_files
from evaluators.result_files.read import read
from fairtrial.domain.errors import ConfigError
from tests.fixtures.evaluators.result_files import (
    FILES,
    RESULTS,
    WRONG,
    judged_runs,
    numbers,
    run_of,
    suite_of,
    tool_answer,
)

ROWS = [{"id": f"sum {at}", "input": f"What is {at} + 1?", "expected": str(at + 1)} for at in range(1, 25)]


@pytest.mark.parametrize("name", FILES)
def test_counts_and_intervals_are_those_of_a_suite(tmp_path: Path, name: str) -> None:
    form, measure, fails = FILES[name]
    suite = suite_of(tmp_path, "exact", "exact not worse than base by 5pp", ROWS)
    inside = judged_runs(
        suite,
        {
            model: run_of(suite, model, [tool_answer(model, at, fails=fails) for at in range(1, len(ROWS) + 1)])
            for model in WRONG
        },
    )
    old, new = (RESULTS / name.format(model) for model in WRONG)
    assert read(old, {}).format == form
    judged = judge_files(old, new, FileOptions(measures=(measure,)), at_us=1)
    assert numbers(judged.verdict)[-1] == numbers(inside)[-1]
    assert judged.verdict.decision == inside.decision == ("INVALID" if fails else "HOLD")
    assert any("1 case with an error in" in note for note in judged.notes) == fails


def test_the_measures_of_a_file_are_found_and_equal_ones_count_once() -> None:
    judged = judge_files(RESULTS / "promptfoo/old.json", RESULTS / "promptfoo/new.json", FileOptions(), at_us=1)
    assert [line for line in judged.notes if line.endswith("in all cases")] == [
        "score equals success in all cases",
        "right equals success in all cases",
    ]
    texts = read(RESULTS / "lm_eval/old_texts.jsonl", {})
    assert texts.measures == ("exact_match_strict", "exact_match_flexible")
    assert (texts.has_answers, texts.results[2].answer, texts.results[2].expected) == (True, "It is 4", "4")
    assert not read(RESULTS / "lm_eval/old_choices.jsonl", {}).has_answers


def test_documents_of_lm_eval_with_the_same_number_are_not_the_same(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    rows = [json.loads(line) for line in (RESULTS / "lm_eval/new_choices.jsonl").read_text().splitlines()]
    path.write_text("".join(json.dumps({**row, "doc_hash": f"other {row['doc_id']}"}) + "\n" for row in rows))
    with pytest.raises(ConfigError, match="only 0 of 24 ids are in both files"):
        judge_files(RESULTS / "lm_eval/old_choices.jsonl", path, FileOptions(), at_us=1)


def test_a_log_of_inspect_is_the_same_as_an_archive_and_as_json(tmp_path: Path) -> None:
    archive = read(RESULTS / "inspect/old.eval", {})
    samples = [
        {
            "id": result.case_id,
            "epoch": 1,
            "input": result.question,
            "target": result.expected,
            "output": {"completion": result.answer},
            "scores": {"match": {"value": "C" if result.scores["match"] else "I"}},
        }
        for result in archive.results
    ]
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"status": "cancelled", "eval": {}, "samples": samples}), encoding="utf-8")
    log = read(path, {})
    assert (log.results, log.interrupted, archive.interrupted) == (archive.results, True, False)


def test_an_evaluation_that_did_not_end_decides_nothing(tmp_path: Path) -> None:
    text = (RESULTS / "openai_evals/new.jsonl").read_text().splitlines()
    cut = tmp_path / "new.jsonl"
    cut.write_text("\n".join(line for line in text if "final_report" not in line) + "\n")
    verdict = judge_files(RESULTS / "openai_evals/old.jsonl", cut, FileOptions(), at_us=1).verdict
    assert verdict.decision == "HOLD"
    assert "the run of results on" in verdict.headline and "was interrupted" in verdict.headline


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container in a value with each of its keys, of lists only the first two."""
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(min(2, len(value))))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".jsonl")])
def test_a_value_of_another_type_is_read_or_is_an_error_with_a_line(tmp_path: Path, name: str) -> None:
    rows = [json.loads(line) for line in (RESULTS / name.format("new")).read_text().splitlines()[:3]]
    path, errors = tmp_path / "new.jsonl", []
    for container, key in list(places(rows)):
        kept = container[key]
        for value in (None, [], {"a": [1]}, 10**400):
            container[key] = value
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            try:
                read(path, {})
            except ConfigError as error:
                errors.append(str(error))
        container[key] = kept
    assert len(errors) > 5
    assert [error for error in errors if not error.startswith(f"{path}:") or "\n" in error] == []
