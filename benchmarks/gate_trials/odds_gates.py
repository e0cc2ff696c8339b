"""Eight gates whose odds are checked, with runs drawn afresh, and identical models that are drawn from these runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from benchmarks.gate_trials import families
from benchmarks.gate_trials.draws import overlap, shares, together
from benchmarks.gate_trials.unequal import dominated
from benchmarks.trials.trial import Floats
from evaluators.gate.file import Gate, gate_of
from evaluators.results.run_table import table_of
from evaluators.trial import Trial

Sides = tuple[Floats, Floats]
"""Candidate and base, cases by metrics."""
Draw = Callable[[Generator], Sides]


@dataclass(frozen=True, slots=True)
class OddsGate:
    """A gate, and how its runs are drawn. ``sizes``: those of the clusters, or ``None`` if each case stands alone."""

    name: str
    lines: Sequence[str]
    cases: int
    draw: Draw
    metrics: int = 1
    kind: Literal["proportion", "mean"] = "proportion"
    sizes: Sequence[int] | None = None

    @property
    def gate(self) -> Gate:
        sizes = self.sizes
        names = None if sizes is None else tuple(f"c{at:03d}" for at, size in enumerate(sizes) for _ in range(size))
        return gate_of(families.suite_of(self.cases, self.lines, self.metrics, kind=self.kind, clusters=names))

    def trial(self, gate: Gate, sides: Sides) -> Trial:
        made = {
            name: table_of(families.run_of(gate.suites[0], name, side))
            for name, side in zip(("candidate", "base"), sides, strict=True)
        }
        return Trial("candidate", "base", lambda _, target: made[target])

    def identical(self, sides: Sides, rng: Generator) -> Sides:
        """An identical model and its base on new cases like these: units drawn anew, and a coin for each of them."""
        sizes = np.ones(self.cases, dtype=int) if self.sizes is None else np.array(self.sizes)
        starts, source, swap = np.cumsum(sizes) - sizes, np.empty(self.cases, dtype=int), np.empty(self.cases, bool)
        at = 0
        for size in sizes.tolist():
            source[at : at + size] = starts[rng.choice(np.flatnonzero(sizes == size))] + np.arange(size)
            swap[at : at + size] = rng.random() < 0.5
            at += size
        one, other = sides[0][source], sides[1][source]
        return np.where(swap[:, np.newaxis], other, one), np.where(swap[:, np.newaxis], one, other)


def binary(cases: int, metrics: int, right: float, differing: float) -> Draw:
    """Independent 0/1 metrics; the sides differ in this share of the cases, which either side wins."""

    def draw(rng: Generator) -> Sides:
        both = (rng.random((cases, metrics)) < (right - differing / 2) / (1 - differing)).astype(np.float64)
        kind = rng.random((cases, metrics))
        new = np.where(kind < differing / 2, 0.0, np.where(kind < differing, 1.0, both))
        return new, np.where(kind < differing / 2, 1.0, np.where(kind < differing, 0.0, both))

    return draw


def graded(rng: Generator) -> Sides:
    new, old = overlap(rng, 100, 0.0)
    return new[:, np.newaxis], old[:, np.newaxis]


def clustered(sizes: Sequence[int]) -> Draw:
    drawn, _ = together(shares(0.8, 0.15), lambda _: list(sizes), 0.5)

    def draw(rng: Generator) -> Sides:
        new, old = drawn(rng, sum(sizes), 0.0)
        return new[:, np.newaxis], old[:, np.newaxis]

    return draw


FIVES, DOMINATED = (5,) * 60, dominated(60, 400, 0.2)
FIVE, TEN = "m.v0 not worse than base by 5pp", "m.v0 not worse than base by 10pp"
EACH = [f"m.v{k} not worse than base by 5pp" for k in range(15)]
NEAR_FLOOR = OddsGate("near a floor", ("m.v0 >= 75%", FIVE), 120, binary(120, 1, 0.7, 0.1))
GATES = (
    OddsGate("one 0/1 line, 100 cases", (FIVE,), 100, binary(100, 1, 0.8, 0.15)),
    OddsGate("15 metrics, 400 cases", EACH, 400, binary(400, 15, 0.8, 0.1), metrics=15),
    NEAR_FLOOR,
    OddsGate("a floor with `sure`", ("m.v0 >= 75% sure", FIVE), 200, binary(200, 1, 0.82, 0.05)),
    OddsGate("`better than base`", ("m.v0 better than base", "m.v1 >= 60%"), 100, binary(100, 2, 0.62, 0.2), metrics=2),
    OddsGate("F1, 100 cases", (FIVE,), 100, graded, kind="mean"),
    OddsGate("60 clusters of 5", (TEN, "m.v0 >= 78%"), 300, clustered(FIVES), sizes=FIVES),
    OddsGate("60 clusters, one with 20 %", (TEN,), 400, clustered(DOMINATED), sizes=DOMINATED),
)
