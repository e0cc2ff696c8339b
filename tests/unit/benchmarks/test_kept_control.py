"""A few trials of what a kept control rolls back; `benchmarks/decisions.py` makes many."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.decision_trials import kept_control
from benchmarks.decision_trials.trial import Trial


@pytest.mark.release("simulations")
@pytest.mark.parametrize("trial", kept_control.TRIALS, ids=lambda trial: trial.name)
def test_it_keeps_its_promises_in_few_trials(trial: Trial) -> None:
    rows = trial.measure(np.random.default_rng(48), max(2, trial.short // 4))
    assert [row.line for row in rows if row.broken] == []
