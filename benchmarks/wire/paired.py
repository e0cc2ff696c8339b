"""Compares two programs by pairs of measurements, each taken at the same time or in short turns."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from scipy.stats import t

LEVEL = 0.975
"""Of each one-sided bound."""


@dataclass
class Row:
    """One kind of work and its cost to both programs, as pairs of *before* and *now*. Less is better."""

    work: str
    unit: str
    pairs: list[tuple[float, float]] = field(default_factory=list)

    @property
    def before(self) -> float:
        """The median cost to the earlier program."""
        return statistics.median(before for before, _ in self.pairs)

    @property
    def now(self) -> float:
        """The median cost to the present program."""
        return statistics.median(now for _, now in self.pairs)

    @property
    def ratio(self) -> float:
        """The geometric mean of *now* over *before*."""
        return math.exp(statistics.mean(self._logs()))

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which the ratio lies, by Student's t on the logarithms; unlimited for a single pair."""
        logs = self._logs()
        if len(logs) < 2:
            return 0.0, math.inf
        mean, error = statistics.mean(logs), statistics.stdev(logs) / math.sqrt(len(logs))
        margin = float(t.ppf(LEVEL, len(logs) - 1)) * error
        return math.exp(mean - margin), math.exp(mean + margin)

    def _logs(self) -> list[float]:
        return [math.log(now / before) for before, now in self.pairs]


def merged(rows: Iterable[Row]) -> list[Row]:
    """The rows of all pairs, one for each kind of work."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row.work, Row(row.work, row.unit)).pairs.extend(row.pairs)
    return list(found.values())


def table(rows: Sequence[Row], before: str = "before", now: str = "now") -> str:
    """The rows, their ratios and the bounds of these."""
    width = max(len(row.work) for row in rows) + 2
    ratio = f"{now}/{before}"
    lines = [f"{'':{width}}{before:>10}{now:>10}{ratio:>12}{'at least':>10}{'at most':>9}{'pairs':>7}"]
    for row in rows:
        low, high = row.bounds
        values = f"{row.before:>10.4g}{row.now:>10.4g}{row.ratio:>12.3f}{low:>10.3f}{high:>9.3f}{len(row.pairs):>7}"
        lines.append(f"{row.work:{width}}{values}  {row.unit}")
    return "\n".join(lines)
