"""A trial in memory and the same trial through journal, ingest and store give the same looks and decisions."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.experiment_trials.through_store import run_twins


@pytest.mark.release("simulations")
@pytest.mark.parametrize("number", [0, 3])
def test_every_look_and_every_decision_is_the_same(tmp_path: Path, number: int) -> None:
    found = run_twins(tmp_path, number, per_week=400)
    assert found.agree
    assert sum(bool(one[1]) for one in found.store) >= 5, "looks were made"
