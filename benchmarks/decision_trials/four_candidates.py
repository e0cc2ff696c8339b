"""Gate decisions on four candidates beside one base, with the trials of `gate_trials`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.decision_trials.trial import Row, Trial
from benchmarks.gate_trials import four_candidates
from benchmarks.trials import trial as gate_trial


def _rows(rng: Generator, trials: int, *, of: gate_trial.Trial) -> list[Row]:
    measures = of.simulate(rng, trials)
    rows = (gate_trial.row(of, target, np.asarray(measures[target.measure], np.float64)) for target in of.targets)
    return [
        Row(
            f"{of.process}, {row.target.rule}",
            row.measured,
            row.error or 0.0,
            row.target.at_least,
            row.target.at_most,
            known_miss=row.target.known_miss,
        )
        for row in rows
    ]


TRIALS: Sequence[Trial] = tuple(
    Trial(of.name, of.what, partial(_rows, of=of), four_candidates.REPLICATIONS, 60) for of in four_candidates.TRIALS
)
