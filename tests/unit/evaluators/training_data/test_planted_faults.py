"""Faults that are planted into sound rows are found, and sound rows stay silent."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from evaluators.training_data.audit import audit
from evaluators.training_data.example_file import read_examples
from tests.fixtures.training_data.recall import FAULTS, trial
from tests.fixtures.training_data.reports import Row, as_lines, labels_of, sound_rows, with_labels

MORE_SEEDS = pytest.mark.release("simulations")


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=MORE_SEEDS) for seed in (1, 8))])
def test_every_planted_fault_is_found_row_by_row(seed: int, tmp_path: Path) -> None:
    found = trial(seed, tmp_path, rows=2_000)
    assert set(found) == set(FAULTS)
    for fault, one in found.items():
        assert one.recall >= 0.95, (fault, one)
        assert one.precision >= 0.9, (fault, one)


def above_information(rows: list[Row], folder: Path) -> list[str]:
    path = folder / "rows.jsonl"
    path.write_text(as_lines(rows), encoding="utf-8")
    return [f"{one.check}: {one.says}" for one in audit([read_examples(path)]).issues if one.severity != "info"]


@pytest.mark.parametrize("seed", [21, pytest.param(22, marks=MORE_SEEDS)])
def test_sound_rows_have_nothing_above_information(seed: int, tmp_path: Path) -> None:
    assert above_information(sound_rows(1_000, seed=seed), tmp_path) == []


@pytest.mark.parametrize("seed", [31, pytest.param(32, marks=MORE_SEEDS)])
def test_labels_that_follow_from_nothing_are_no_wrong_pattern(seed: int, tmp_path: Path) -> None:
    rows = sound_rows(800, seed=seed)
    draw = random.Random(seed)
    for name in ("priority", "category", "building"):
        values = [labels_of(row)[name] for row in rows]
        draw.shuffle(values)
        rows = [with_labels(row, **{name: value}) for row, value in zip(rows, values, strict=True)]
    assert above_information(rows, tmp_path) == []
