"""Rows of any tool: which column is what, how results are paired, and what they are compared by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from evaluators.result_files.judged_files import FileOptions, JudgedFiles, judge_files
from evaluators.result_files.read import read
from fairtrial.domain.errors import UsageError
from fairtrial.domain.estimates import Comparison
from tests.fixtures.evaluators.result_files import write_csv, write_lines

Row = Mapping[str, Any]


def judged(folder: Path, old: Sequence[Row], new: Sequence[Row], **options: Any) -> JudgedFiles:
    paths = write_lines(folder / "old.jsonl", old), write_lines(folder / "new.jsonl", new)
    return judge_files(*paths, FileOptions(**options), at_us=1)


def lines(done: JudgedFiles) -> list[str]:
    return [finding.rule for finding in done.verdict.findings if finding.decisive]


def compared(done: JudgedFiles) -> Comparison:
    evidence = done.verdict.findings[0].evidence
    assert isinstance(evidence, Comparison)
    return evidence


@pytest.mark.parametrize(
    ("columns", "scores"),
    [
        ({"correct": True}, {"correct": 1.0}),
        ({"passed": "no"}, {"passed": 0.0}),
        ({"score": "0.25"}, {"score": 0.25}),
        ({"Accuracy": "incorrect"}, {"Accuracy": 0.0}),
        ({"scores": {"tone": 4, "facts": 2}}, {"tone": 4.0, "facts": 2.0}),
        ({"bleu": 31.5, "rouge": 0.4}, {"bleu": 31.5, "rouge": 0.4}),
        ({"score": 1, "latency_ms": 31, "tokens_out": 7, "run": 3, "model": "m"}, {"score": 1.0}),
        ({"score": None}, {"score": None}),
    ],
)
def test_columns_that_are_scores(tmp_path: Path, columns: Row, scores: dict[str, float]) -> None:
    path = write_lines(tmp_path / "rows.jsonl", [{"id": "a", **columns}])
    assert read(path, {}).results[0].scores == scores


def test_columns_have_usual_names_or_are_named(tmp_path: Path) -> None:
    row = {"Question_ID": 7, "prompt": "2 + 3?", "model_output": "5", "ideal": ["5", "five"], "category": ["a", "b"]}
    result = read(write_lines(tmp_path / "rows.jsonl", [row]), {}).results[0]
    assert (result.case_id, result.question, result.answer) == ("7", "2 + 3?", "5")
    assert (result.expected, result.tags) == (["5", "five"], {"category": "a|b"})
    strange = write_lines(tmp_path / "strange.jsonl", [{"nr": 1, "said": "5", "truth": "5"}])
    result = read(strange, {"nr": "id", "said": "answer", "truth": "expected"}).results[0]
    assert (result.case_id, result.answer, result.expected) == ("1", "5", "5")
    for columns in ({"none": "id"}, {"said": "answer", "truth": "answer"}):
        with pytest.raises(UsageError, match=r"no row has the column 'none'|two columns of the row have"):
            read(strange, columns)


def test_a_role_that_does_not_exist_is_refused_with_the_nearest(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "rows.jsonl", [{"id": "a", "gold": "5", "answer": "5", "toxic": 1}])
    for role, words in (
        ("expcted", "--map gold=expcted: there is no such role .did you mean 'expected'"),
        ("x", "--map gold=x: there is no such role .known: answer, category, cluster, difficulty, error, expected, "),
    ):
        with pytest.raises(UsageError, match=words):
            read(path, {"gold": role})
    assert read(path, {"toxic": "Toxicity"}).results[0].scores == {"Toxicity": 1.0}


def test_an_empty_cell_is_an_empty_answer_and_null_is_none(tmp_path: Path) -> None:
    rows = [{"id": "a", "answer": "", "expected": "x"}, {"id": "b", "answer": "x", "expected": "x"}]
    assert read(write_csv(tmp_path / "rows.csv", rows), {}).results[0].answer == ""
    rows = [{"id": "a", "answer": None, "expected": "x"}]
    assert read(write_lines(tmp_path / "rows.jsonl", rows), {}).results[0].error == "the row has no answer"


@pytest.mark.parametrize(("error", "text"), [("HTTP 503", "HTTP 503"), (1, "1"), (0, None), ("no", None), ("", None)])
def test_a_flag_or_a_text_is_an_error(tmp_path: Path, error: Any, text: str | None) -> None:
    for write, ending in ((write_lines, "jsonl"), (write_csv, "csv")):
        result = read(write(tmp_path / f"rows.{ending}", [{"id": "a", "score": 1, "error": error}]), {}).results[0]
        assert (result.error, result.scores) == (text, {} if text else {"score": 1.0})


@pytest.mark.parametrize("name", ["qid", "QA_id"])
def test_short_names_of_ids_pair_rows_in_any_order(name: str, tmp_path: Path) -> None:
    old = [{name: f"q{at}", "score": at % 2} for at in range(40)]
    done = judged(tmp_path, old, [{**row, "score": 1} for row in reversed(old)])
    assert compared(done).n == 40 and len(done.notes) == 1


def test_without_ids_the_order_of_equal_questions_counts(tmp_path: Path) -> None:
    old = [{"question": f"q{at}", "score": at % 2} for at in range(40)]
    new = [{**row, "score": 1} for row in old]
    done = judged(tmp_path, old, new)
    assert compared(done).n == 40
    note = "rows are paired by their order, because neither file has a column with ids (--map COLUMN=id names one)"
    assert done.notes[1:] == (note,)
    for rows, words in (
        (new[1:], r"there are 39 rows here and 40 in .*add a column 'id' to both files, or name one: --map COLUMN=id"),
        ([new[1], *new[1:]], "this row has another question"),
        ([{"score": 1} for _ in new], "the row has neither an id nor a question"),
    ):
        with pytest.raises(UsageError, match=words):
            judged(tmp_path, old, rows)


def test_each_shared_score_is_a_line_and_the_others_are_named(tmp_path: Path) -> None:
    old = [{"id": at, "tone": at % 5, "right": at % 2, "same": at % 2, "ms2": 1, "z": -1} for at in range(60)]
    new = [{key: value for key, value in row.items() if key != "ms2"} | {"tone": 4} for row in old]
    done = judged(tmp_path, old, new)
    assert lines(done) == ["tone not worse than old.jsonl by 5pp", "right not worse than old.jsonl by 5pp"]
    assert done.notes[1:] == (
        "ms2 is in one file only",
        "tone is shown as a share of 5",
        "same equals right in all cases",
        "z has no scale, because its scores are not between 0 and 100",
    )
    assert lines(judged(tmp_path, old, new, measures=("right",))) == ["right not worse than old.jsonl by 5pp"]


@pytest.mark.parametrize(
    ("name", "new_score", "decision"),
    [("score", 3.9, "SHIP"), ("score", 3.5, "BLOCK"), ("error_rate", 3.5, "SHIP"), ("error_rate", 4.5, "BLOCK")],
)
def test_a_graded_score_may_fall_by_a_twentieth_of_its_scale(
    tmp_path: Path, name: str, new_score: float, decision: str
) -> None:
    """The scale is 5, so that the margin is 0.25; less is better for an error rate."""
    old = [{"id": at, name: 4 + at % 2 / 50} for at in range(200)]
    new = [{"id": at, name: new_score + at % 3 / 50} for at in range(200)]
    assert judged(tmp_path, old, new).verdict.decision == decision


def test_references_that_recur_are_labels(tmp_path: Path) -> None:
    for labels, line in ((2, "label"), (30, "exact")):
        rows = [{"id": at, "expected": f"l{at % labels}", "answer": "l0"} for at in range(60)]
        done = judged(tmp_path, rows, [{**row, "answer": "L1."} for row in rows])
        assert lines(done)[0] == f"{line} not worse than old.jsonl by 5pp"


@pytest.mark.parametrize("labels", [10, 60])
def test_answers_that_never_equal_their_reference_are_refused(labels: int, tmp_path: Path) -> None:
    old = [{"id": at, "expected": f"City{at % labels}", "answer": f"It is City{at % labels}."} for at in range(60)]
    new = [{**row, "answer": "It is Springfield."} for row in old]
    words = r"no answer equals its reference in either file, such as 'It is City0.' against 'City0' \(add a column of "
    for rows in (new, [{**row, "answer": ""} for row in old]):
        with pytest.raises(UsageError, match=words):
            judged(tmp_path, old, rows)
    new[7]["answer"] = new[7]["expected"]
    assert judged(tmp_path, old, new).verdict.decision in ("HOLD", "SHIP")


@pytest.mark.parametrize("equal", [True, False])
def test_what_a_hold_needs_is_possible_with_two_files(equal: bool, tmp_path: Path) -> None:
    """NEW has the answers of OLD, or would also pass with answers to other questions."""
    old = [{"id": at, "expected": "a" if at % 20 else "b", "answer": "a"} for at in range(400)]
    new = [{**row, "answer": "a" if equal else "A.", "topic": "x"} for row in old]
    done = judged(tmp_path, old, new, margin="20pp")
    needed = " ".join(finding.needed for finding in done.verdict.findings)
    assert done.verdict.decision == "HOLD" and needed
    assert [word for word in ("gate", "form_only", "macro_f1", "review", "adapter") if word in needed] == []


def test_slices_and_clusters_are_those_of_a_suite(tmp_path: Path) -> None:
    rows = [{"id": at, "score": 1, "language": "ab"[at % 2], "conversation_id": at // 4} for at in range(80)]
    done = judged(tmp_path, rows, [{**row, "score": int(row["language"] == "a")} for row in rows])
    assert "worst slice language:b 40 → 0 of 40" in done.verdict.findings[0].says
    assert compared(done).candidate == 0.5
    assert any(finding.says.startswith("results: the worst slice is language:b") for finding in done.verdict.findings)


def test_the_same_id_with_another_reference_is_an_error(tmp_path: Path) -> None:
    rows = [{"id": at, "expected": "x", "answer": "x"} for at in range(9)]
    with pytest.raises(UsageError, match=r"new\.jsonl:1: the id '0' has another reference than in .*old\.jsonl"):
        judged(tmp_path, rows, [{**row, "expected": "y"} for row in rows])


def test_another_question_under_the_same_id_is_noted(tmp_path: Path) -> None:
    rows = [{"id": at, "score": 1, "question": f"q{at}"} for at in range(30)]
    done = judged(tmp_path, rows, [{**row, "question": "other"} if row["id"] < 2 else row for row in rows])
    assert done.notes[1] == f"2 cases with another question in {tmp_path / 'new.jsonl'}: 0, 1"


def test_a_case_without_a_reference_is_an_error_of_its_line(tmp_path: Path) -> None:
    rows = [{"id": at, "expected": f"x{at}" if at else None, "answer": "x"} for at in range(9)]
    with pytest.raises(UsageError, match=r"old\.jsonl:1: the case '0' has no text"):
        judged(tmp_path, rows, rows[::-1])
