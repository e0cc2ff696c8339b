"""All simulations, in the order of the table."""

from __future__ import annotations

from benchmarks.trials import arrivals, growing, judged, latency, means, power, rates, reviewers, sticky, tango_exact

PARTS = (rates, means, sticky, latency, arrivals, power, judged, reviewers, growing, tango_exact)
TRIALS = tuple(trial for part in PARTS for trial in part.TRIALS)
