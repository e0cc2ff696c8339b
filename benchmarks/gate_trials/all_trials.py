"""All simulations of gate lines, in the order of the table."""

from __future__ import annotations

from benchmarks.gate_trials import (
    clustered,
    corpus,
    exact,
    families,
    floors,
    four_candidates,
    graded,
    relative,
    texts,
    unequal,
)

PARTS = (graded, clustered, unequal, relative, floors, corpus, texts, exact, families, four_candidates)
TRIALS = tuple(trial for part in PARTS for trial in part.TRIALS)
