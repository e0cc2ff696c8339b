"""What a line says at its margin and of equal models, for each size of a suite."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from benchmarks.gate_trials.draws import Draw
from benchmarks.gate_trials.real_path import agree, bounds, pairs_of, runs_of
from benchmarks.trials.trial import Measures, Target
from evaluators.criteria.grammar import VersusBaseline
from evaluators.criteria.metric_catalogue import Measure

SIZES = (28, 54, 100, 200, 400, 2_000)
SOME = (54, 400)
"""Where all wrong decisions are shown, not only that at the margin."""
PROMISE = 0.06
"""What no line may exceed by more than two standard errors; 5 % is what its bound says."""
NamesOf = Callable[[int], list[str]]


def line(
    rng: Generator,
    count: int,
    *,
    draw: Draw,
    margin: float,
    measure: Measure,
    clusters: NamesOf | None = None,
    prompts: NamesOf | None = None,
    relative_to: float | None = None,
    sizes: tuple[int, ...] = SIZES,
) -> Measures:
    """One figure a replication of each measure of `targets`; a relative margin is one of the level ``relative_to``."""
    relative = relative_to is not None
    test = VersusBaseline("not worse", "base", 100 * margin, "%" if relative else "pp")
    factor, limit = (1 - measure.sign * margin, 0.0) if relative_to is not None else (1.0, -margin)
    shift = -margin * (relative_to if relative_to is not None else 1.0)
    found: dict[str, list[bool]] = defaultdict(list)
    for n in sizes:
        names = None if clusters is None else clusters(n), None if prompts is None else prompts(n)
        for at in range(count):
            values = draw(rng, n, shift)
            low, high = bounds(measure, pairs_of(measure, values, *names), factor=factor)
            if at == 0:
                agree(measure, runs_of(values, *names), low, limit, test)
            found[f"{n}: ship"].append(low > limit)
            found[f"{n}: block"].append(high < limit)
            equal = pairs_of(measure, draw(rng, n, 0.0), *names)
            low, high = bounds(measure, equal, factor=factor)
            found[f"{n}: equal"].append(low > limit)
            if n in SOME:
                low, high = (low, high) if factor == 1.0 else bounds(measure, equal)
                found[f"{n}: better"].append(low > 0)
                found[f"{n}: worse"].append(high < 0)
            half = pairs_of(measure, draw(rng, n, shift / 2), *names)
            found[f"{n}: half"].append(bounds(measure, half, factor=factor)[0] > limit)
            twice = pairs_of(measure, draw(rng, n, 2 * shift), *names)
            found[f"{n}: twice"].append(bounds(measure, twice, factor=factor)[1] < limit)
    return {name: np.array(each) for name, each in found.items()}


def targets(sizes: tuple[int, ...] = SIZES) -> tuple[Target, ...]:
    """Wrong decisions with their promise, and how often an equal model ships."""
    found: list[Target] = []
    for n in sizes:
        found.append(Target(f"{n}: ship", f"n = {n:,}: worse by the margin, passes", at_most=PROMISE))
        if n in SOME:
            found += [
                Target(f"{n}: block", f"n = {n:,}: worse by just the margin, fails", at_most=PROMISE),
                Target(f"{n}: better", f"n = {n:,}: equal, called better", at_most=PROMISE),
                Target(f"{n}: worse", f"n = {n:,}: equal, called worse", at_most=PROMISE),
            ]
        found += [
            Target(f"{n}: equal", f"n = {n:,}: equal, passes"),
            Target(f"{n}: half", f"n = {n:,}: worse by half the margin, passes"),
            Target(f"{n}: twice", f"n = {n:,}: worse by twice the margin, fails"),
        ]
    return tuple(found)
