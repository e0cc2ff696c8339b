"""Keeps sums as functions of time: the running totals of small changes, so that a look reads one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from fairtrial.experiments.simulation.exposures import Bools
from fairtrial.experiments.simulation.people import Floats, Ints

FAILING = ("failed", "attempts_failed", "user_failed")
"""The counted columns that a simulated failure is in; no other event happens to a simulated request."""


@dataclass(frozen=True, slots=True)
class Course:
    """``rows[k]`` are the totals after the first ``k`` changes, which happen at ``at_us``."""

    at_us: Ints
    rows: Floats

    @classmethod
    def of(cls, at_us: Ints, *changes: Floats | Bools) -> Self:
        """The totals of these changes, in the order of their times."""
        order = np.argsort(at_us, kind="stable")
        rows = np.zeros((len(at_us) + 1, len(changes)))
        for column, change in enumerate(changes):
            np.cumsum(change[order], out=rows[1:, column], dtype=np.float64)
        return cls(at_us[order], rows)

    def at(self, now_us: int) -> list[float]:
        """The totals at a time, which itself counts."""
        found: list[float] = self.rows[np.searchsorted(self.at_us, now_us, side="right")].tolist()
        return found


@dataclass(frozen=True, slots=True)
class ByUnit:
    """Values in the order of units and times: ``starts`` are the first ones, ``number`` counts each unit's from 1."""

    starts: Bools
    number: Floats
    at: Ints

    @classmethod
    def of(cls, unit: Ints) -> Self:
        """The places of these units' values."""
        starts = np.diff(unit, prepend=-1) != 0
        first = np.maximum.accumulate(np.where(starts, np.arange(len(unit)), 0))
        return cls(starts, (np.arange(len(unit)) - first + 1).astype(np.float64), first)

    def totals(self, values: Floats | Bools) -> Floats:
        """The running total of each unit."""
        total = np.cumsum(values, dtype=np.float64)
        before = total - values
        return np.asarray(total - before[self.at] if len(total) else total)

    def changes(self, values: Floats) -> Floats:
        """By how much each value differs from the unit's one before it, which is 0 at first."""
        shifted = np.concatenate(([0.0], values[:-1])) if len(values) else values
        return values - np.where(self.starts, 0.0, shifted)


@dataclass(frozen=True, slots=True)
class Requests:
    """The counted requests of one arm, in the order of units and times."""

    unit: Ints
    at_us: Ints
    failed: Bools
    cost: Floats
    latency: Floats
    by_unit: ByUnit
