"""What one promise of live experiments is, and how many simulated trials measure it."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from fairtrial.experiments.simulation.trial import TrialOutcome, TrialSetting, run_trial


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure, as a share unless ``unit`` says otherwise, with its standard error and its limits.

    ``least`` and ``most`` are met within ``slack`` standard errors, two by default. ``known_miss``: the limit is known
    to be missed, so that the row stays in the table as missed and does not end the run with an error.
    """

    what: str
    measured: float
    error: float
    least: float | None = None
    most: float | None = None
    unit: str = "%"
    slack: float = 2.0
    known_miss: bool = False

    @property
    def limited(self) -> bool:
        return self.least is not None or self.most is not None

    @property
    def broken(self) -> bool:
        """Whether a promise is missed that is not known to be."""
        return not self.ok and not self.known_miss

    @property
    def ok(self) -> bool:
        """Whether the promise is kept."""
        slack = self.slack * self.error
        low = self.least is None or self.measured >= self.least - slack
        return low and (self.most is None or self.measured <= self.most + slack)

    @property
    def line(self) -> str:
        """``what | measured ± se | limit | ok``."""
        ends = [f"{sign} {self._number(end)}" for sign, end in (("≥", self.least), ("≤", self.most)) if end is not None]
        measured = f"{self._number(self.measured)} ± {self._number(self.error)}"
        verdict = "ok" if self.ok else "BROKEN" if self.broken else "missed"
        return " | ".join((f"  {self.what}", measured, " ".join(ends) or "–", verdict if ends else "–"))

    def _number(self, value: float) -> str:
        return f"{100 * value:.2f} %" if self.unit == "%" else f"{value:,.1f}"


def counts(rows: Sequence[Row]) -> str:
    """``495 rows, 220 with limits, 2 missed``."""
    limited, missed = sum(row.limited for row in rows), sum(not row.ok for row in rows)
    return f"{len(rows)} rows, {limited} with limits, {missed} missed"


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise: so many ``trials`` of a setting, read as rows."""

    name: str
    what: str
    setting: TrialSetting
    read: Callable[[Sequence[TrialOutcome]], Sequence[Row]]
    trials: int = 2_000


def outcomes(promise: Promise, trials: int, seed: int) -> list[TrialOutcome]:
    """The outcomes of the trials, each from its own stream of random numbers."""
    return list(_drawn(promise, trials, seed))


def _drawn(promise: Promise, trials: int, seed: int) -> Iterator[TrialOutcome]:
    name = zlib.crc32(promise.name.encode())
    for number in range(trials):
        if number and number % 250 == 0:
            print(f"{promise.name}: {number:,} of {trials:,}", file=sys.stderr, flush=True)
        yield run_trial(promise.setting, np.random.default_rng([seed, name, number]))


def share(what: str, hits: Sequence[bool], *, least: float | None = None, most: float | None = None) -> Row:
    """The share of trials in which something happened."""
    rate = sum(hits) / len(hits)
    error = sqrt(max(rate * (1 - rate), 1 / len(hits) ** 2) / len(hits))
    return Row(what, rate, error, least, most)


def mean(what: str, values: Sequence[float], *, least: float | None = None, most: float | None = None) -> Row:
    """The mean of a number of users."""
    found = np.asarray(values, dtype=np.float64)
    error = float(found.std(ddof=1)) / sqrt(len(found)) if len(found) > 1 else 0.0
    return Row(what, float(found.mean()), error, least, most, "users")
