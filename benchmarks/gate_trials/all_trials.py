"""All simulations of gate lines, in the order of the table."""

from __future__ import annotations

from benchmarks.gate_trials import clustered, floors, graded, relative

PARTS = (graded, clustered, relative, floors)
TRIALS = tuple(trial for part in PARTS for trial in part.TRIALS)
