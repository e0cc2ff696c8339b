"""Two files are judged as two runs of a suite with the same values: counts, intervals, p and controls are equal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evaluators.result_files.judged_files import FileOptions, judge_files
from fairtrial.domain.errors import UsageError
from fairtrial.domain.run import Score
from tests.fixtures.evaluators.result_files import judged_runs, numbers, run_of, suite_of, write_csv, write_lines

COLOURS = ("red", "green", "blue")
ROWS = [{"id": f"c{at}", "input": f"Which colour has {at}?", "expected": COLOURS[at % 3]} for at in range(120)]
LABEL = "{label: {of: [blue, green, red]}}"
WRONG = {"old": 7, "new": 9}


def answers(file: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Every seventh or ninth answer is wrong."""
    return ["it is purple" if at % WRONG[file] == 0 else row["expected"] for at, row in enumerate(rows)]


@pytest.mark.parametrize("write", [write_lines, write_csv], ids=["jsonl", "csv"])
@pytest.mark.parametrize(("margin", "decision"), [("5pp", "SHIP"), ("1pp", "HOLD")])
def test_answers_with_references(tmp_path: Path, write: Any, margin: str, decision: str) -> None:
    suite = suite_of(tmp_path, LABEL, f"label not worse than base by {margin}", ROWS)
    inside = judged_runs(suite, {name: run_of(suite, name, answers(name, ROWS)) for name in WRONG})
    old, new = (
        write(
            tmp_path / f"{name}{'.csv' if write is write_csv else '.jsonl'}",
            [{**row, "answer": text} for row, text in zip(ROWS, answers(name, ROWS), strict=True)],
        )
        for name in ("old", "new")
    )
    outside = judge_files(old, new, FileOptions(margin=margin), at_us=1).verdict
    assert numbers(outside) == numbers(inside)
    assert (outside.decision, outside.decision) == (inside.decision, decision)
    if decision == "SHIP":
        assert outside.controls is not None and inside.controls is not None
        assert outside.controls.shuffled == inside.controls.shuffled == "BLOCK"
        assert outside.controls.empty == inside.controls.empty


@pytest.mark.parametrize("scorer", ["exact", "fuzzy"])
def test_scores_alone(tmp_path: Path, scorer: str) -> None:
    """`exact` gives shares, `fuzzy` graded scores from 0 to 1."""
    suite = suite_of(tmp_path, scorer, f"{scorer} not worse than base by 5pp", ROWS)
    runs = {name: run_of(suite, name, answers(name, ROWS)) for name in WRONG}
    stat = suite.scorers[0].stats[0].name
    for name, run in runs.items():
        scores = [result.scores[scorer] for result in run.results]
        values = [score.values[stat] for score in scores if isinstance(score, Score)]
        write_lines(
            tmp_path / f"{name}.jsonl",
            [
                {"id": row["id"], "question": row["input"], "grade": value}
                for row, value in zip(ROWS, values, strict=True)
            ],
        )
    outside = judge_files(tmp_path / "old.jsonl", tmp_path / "new.jsonl", FileOptions(), at_us=1).verdict
    assert numbers(outside) == numbers(judged_runs(suite, runs))
    assert len(numbers(outside)) == 1


@pytest.mark.parametrize(("old", "new", "compared"), [(0.9, 90, False), (90, 0.9, False), (1, 5, False), (0, 90, True),
                                                      (0.9, 1.2, True), (3, 8, True)])  # fmt: skip
def test_scores_of_two_scales_are_not_compared(tmp_path: Path, old: float, new: float, compared: bool) -> None:
    files = [
        write_lines(tmp_path / f"{name}.jsonl", [{"id": f"c{at}", "score": value if at else 0} for at in range(50)])
        for name, value in (("old", old), ("new", new))
    ]
    if compared:
        assert judge_files(*files, FileOptions(), at_us=1).verdict.decision in ("SHIP", "BLOCK", "HOLD")
        return
    with pytest.raises(UsageError, match="nothing to compare: score has two scales, because its largest scores are"):
        judge_files(*files, FileOptions(), at_us=1)


def test_equal_answers_are_held_as_in_a_project(tmp_path: Path) -> None:
    rows = [{**row, "answer": text} for row, text in zip(ROWS, answers("old", ROWS), strict=True)]
    old = write_lines(tmp_path / "old.jsonl", rows)
    new = write_lines(tmp_path / "new.jsonl", reversed(rows))
    verdict = judge_files(old, new, FileOptions(), at_us=1).verdict
    assert verdict.decision == "HOLD"
    assert "120 of 120 answers of new.jsonl are the same as those of old.jsonl" in verdict.headline


def test_errors_and_missing_ids_are_unscored_cases(tmp_path: Path) -> None:
    """One of 50 counts against the candidate in the worst case, three are too many, and --shared leaves them out."""
    rows = [{"id": f"c{at}", "score": 1} for at in range(150)]
    old = write_lines(tmp_path / "old.jsonl", rows)
    failed = write_lines(tmp_path / "failed.jsonl", [*rows[1:], {"id": "c0", "error": "HTTP 503"}])
    judged = judge_files(old, failed, FileOptions(), at_us=1)
    assert "1 case with an error in" in "".join(judged.notes)
    assert "1 case is left out, not being scored on both sides" in judged.verdict.findings[0].says
    short = write_lines(tmp_path / "short.jsonl", rows[10:])
    judged = judge_files(old, short, FileOptions(), at_us=1)
    assert judged.verdict.decision == "INVALID"
    assert "10 cases only in" in "".join(judged.notes)
    needed = next(finding.needed for finding in judged.verdict.findings if finding.result == "invalid")
    assert needed == "results of all cases in short.jsonl"
    assert judge_files(old, short, FileOptions(shared_only=True), at_us=1).verdict.decision == "SHIP"
