"""Simulates how often a model that is worse by a multiple of the margin passes a "not worse" line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from evaluators.gate.simulation.lines import Line
from evaluators.gate.simulation.trials import Kinds, passes


def worse_passes(line: Line, times: float, trials: int, rng: Generator) -> float | None:
    """The share of trials in which a model that is worse by ``times`` the margin passes the line; ``None`` if unknown.

    The units that differ are lost with the probability that gives this loss on average. If too few differ, a 0/1 line
    is simulated with losses only; another line is not, because it is unknown how its cases would differ.
    """
    if line.margin is None or not line.cases:
        return None
    good, bad = np.maximum(line.keep, line.swap), np.minimum(line.keep, line.swap)
    wanted, most, least = -times * line.margin * line.cases, float(good.sum()), float(bad.sum())
    if wanted >= least and most > least:
        return _biased(replace(line, keep=good, swap=bad), (wanted - least) / (most - least), trials, rng)
    if line.test != "tango" or times * line.margin >= 1:
        return None
    only = replace(line, keep=np.array([0.0]), swap=np.array([-1.0]), count=np.array([1.0]))
    lost = rng.binomial(line.cases, times * line.margin, size=trials)[:, None]
    return float(passes(only, line.cases - lost, lost).mean())


def _biased(line: Line, share: float, trials: int, rng: Generator) -> float:
    """The share of trials that pass if each differing unit has its good value (``keep``) with probability ``share``."""
    kinds, passed = Kinds.of([line]), 0
    for _, times in kinds.chunks(trials, 1.0, rng):
        kept = rng.binomial(times, share)
        passed += int(passes(kinds.lines[0], kept, times - kept).sum())
    return passed / trials
