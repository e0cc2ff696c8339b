"""All simulations, in the order of the table."""

from __future__ import annotations

from benchmarks.trials import (
    arrivals,
    growing,
    heavy_users,
    late_feedback,
    latency,
    means,
    power,
    rates,
    reviewers,
    sticky,
    tango_exact,
    unequal_tails,
)
from benchmarks.trials.limits import LIMITS

__all__ = ["LIMITS", "TRIALS"]

LIVE = (rates, means, unequal_tails, sticky, heavy_users, late_feedback, latency, arrivals)
PARTS = (*LIVE, power, reviewers, growing, tango_exact)
TRIALS = tuple(trial for part in PARTS for trial in part.TRIALS)
