"""Floors and ceilings with `sure`: one run whose true level is the limit."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import numpy as np
from numpy.random import Generator

from benchmarks.gate_trials.draws import Draw, betas, by, mixed, shares, together
from benchmarks.gate_trials.lines import PROMISE, NamesOf
from benchmarks.gate_trials.real_path import GRADED, SHARE, agree_on_level, level_bounds, runs_of
from benchmarks.trials.trial import Measures, Target, Trial
from evaluators.criteria.metric_catalogue import Measure

SIZES = (28, 54, 100, 400)


def floor(
    rng: Generator, count: int, *, draw: Draw, level: float, measure: Measure, clusters: NamesOf | None = None
) -> Measures:
    """Whether a run that has just the level of the floor surely passes it, and whether it fails it."""
    found: dict[str, list[bool]] = defaultdict(list)
    for n in SIZES:
        names = None if clusters is None else clusters(n)
        for at in range(count):
            run = runs_of(draw(rng, n, 0.0), names)[1]
            low, high = level_bounds(measure, run)
            if at == 0:
                agree_on_level(measure, run, low, level)
            found[f"{n}: sure"].append(low > level)
            found[f"{n}: fail"].append(high < level)
    return {name: np.array(each) for name, each in found.items()}


def of(
    name: str, process: str, draw: Draw, level: float, *, measure: Measure = SHARE, clusters: NamesOf | None = None
) -> Trial:
    found: list[Target] = []
    for n in SIZES:
        found += [
            Target(f"{n}: sure", f"n = {n}: at the floor, surely passes", at_most=PROMISE),
            Target(f"{n}: fail", f"n = {n}: at the floor, fails", at_most=PROMISE),
        ]
    simulate = partial(floor, draw=draw, level=level, measure=measure, clusters=clusters)
    return Trial(f"floor-{name}", f"A floor of {100 * level:.3g} %, `sure`", process, simulate, tuple(found))


PAIRS, OF_PAIRS = together(shares(0.9, 0.0), by(2), 0.7)
MIXED, OF_MIXED = together(shares(0.9, 0.0), mixed, 0.7)
TRIALS = (
    of("share", "0/1", shares(0.9, 0.0), 0.9),
    of("clusters-of-2", "0/1 in clusters of 2", PAIRS, 0.9, clusters=OF_PAIRS),
    of("mixed", "0/1 in clusters of 1, 2, 3, 5 and 10", MIXED, 0.9, clusters=OF_MIXED),
    of("high", "Beta(5, 1)", betas(5, 1), 5 / 6, measure=GRADED),
    of("mostly-1", "Beta(0.5, 0.05)", betas(0.5, 0.05), 0.5 / 0.55, measure=GRADED),
    of("uniform", "uniform", betas(1, 1), 0.5, measure=GRADED),
)
