"""What one simulation is: a named process, the measures that it gives for each replication, and their targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Measures = Mapping[str, Floats | Bools]
Simulate = Callable[[Generator, int], Measures]
"""Draws so many replications and gives, for each measure, one figure a replication (NaN: it has none)."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is promised of one measure; without ``at_most`` and ``at_least`` it's a baseline to compare with.

    ``known_to``: the standard error of the promise itself, where that was measured by simulation. ``known_miss``: it is
    known to be missed, so that the row stays in the table as missed and does not end the run with an error.
    """

    measure: str
    rule: str
    at_most: float | None = None
    at_least: float | None = None
    unit: Literal["%", ""] = "%"
    of: Literal["mean", "median", "least", "most"] = "mean"
    known_to: float = 0.0
    known_miss: bool = False

    @property
    def limited(self) -> bool:
        return self.at_most is not None or self.at_least is not None


@dataclass(frozen=True, slots=True)
class Trial:
    """One simulation. ``block``: replications that are drawn at a time; ``exact``: an enumeration, done once.

    ``most``: so many replications at most, for what takes long to draw. ``least``: so many at least, for a rule that
    errs exactly as often as it may: the fewer are drawn, the more often it misses its target by chance.
    """

    name: str
    what: str
    process: str
    simulate: Simulate
    targets: tuple[Target, ...]
    block: int = 250
    exact: bool = False
    most: int | None = None
    least: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: a target with what was measured, its standard error, and whether it is met."""

    trial: Trial
    target: Target
    measured: float
    error: float | None
    replications: int

    @property
    def met(self) -> bool | None:
        """Within two standard errors; ``None`` for a baseline."""
        slack = 2 * hypot(self.error or 0.0, self.target.known_to)
        most, least = self.target.at_most, self.target.at_least
        if not self.target.limited:
            return None
        if np.isnan(self.measured):
            return False
        return (most is None or self.measured <= most + slack) and (least is None or self.measured >= least - slack)


def row(trial: Trial, target: Target, figures: Floats) -> Row:
    """The figures of all replications, read as the target wants."""
    found = figures[~np.isnan(figures)]
    count = len(found)
    if not count:
        return Row(trial, target, float("nan"), None, 0)
    spread = float(found.std(ddof=1)) / sqrt(count) if count > 1 and not trial.exact else None
    if target.of == "mean":
        return Row(trial, target, float(found.mean()), spread, count)
    share = {"median": 0.5, "least": 0.0, "most": 1.0}[target.of]
    return Row(trial, target, float(np.quantile(found, share)), None, count)
