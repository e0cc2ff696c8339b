"""Training rows that also occur in held-out files or suites are found, and phrases of the domain are not."""

from __future__ import annotations

import random
from pathlib import Path

from evaluators.training_data.audit import CHECKS
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example_file import read_examples
from tests.fixtures.training_data.faults import typo
from tests.fixtures.training_data.reports import Row, as_lines, sound_rows, with_text

HELD = sound_rows(100, seed=1)
TRAIN = sound_rows(400, seed=2, unlike=frozenset(row["messages"][1]["content"] for row in HELD))


def find(train: list[Row], held: list[Row], folder: Path) -> list[Issue]:
    for name, rows in (("train", train), ("held", held)):
        (folder / f"{name}.jsonl").write_text(as_lines(rows), encoding="utf-8")
    files = (read_examples(folder / "train.jsonl"), read_examples(folder / "held.jsonl"))
    return CHECKS.get("leakage").find(Corpus(files, ("train", "validation")))


def test_rows_of_one_domain_do_not_leak(tmp_path: Path) -> None:
    assert find(TRAIN, HELD, tmp_path) == []


def test_the_same_the_nearly_same_and_an_embedded_row_are_found(tmp_path: Path) -> None:
    text = HELD[2]["messages"][1]["content"]
    embedded = with_text(TRAIN[0], 1, "An earlier message of this person follows. " * 4 + text + " And more of it." * 9)
    near = with_text(HELD[1], 1, typo(HELD[1]["messages"][1]["content"], random.Random(5)))
    issues = find([*TRAIN, HELD[0], near, embedded], HELD, tmp_path)
    found = {(one.details["kind"], one.severity, one.rows) for one in issues}
    assert found == {("exact", "error", (401,)), ("near", "error", (402,)), ("passage", "warning", (403,))}
    assert issues[0].details["matches"] == [[f"{tmp_path}/train.jsonl:401", f"{tmp_path}/held.jsonl:1"]]
    assert all("held.jsonl" in one.says and one.file.endswith("train.jsonl") for one in issues)


def test_without_held_out_files_there_is_nothing_to_compare(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(as_lines(TRAIN), encoding="utf-8")
    corpus = Corpus((read_examples(tmp_path / "train.jsonl"),), ("train",))
    assert CHECKS.get("leakage").find(corpus) == []
