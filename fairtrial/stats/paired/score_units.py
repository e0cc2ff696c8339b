"""The score statistic of the mean of clusters: its variance is that of the likeliest distribution with this mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from scipy.optimize import brentq

from fairtrial.stats.paired.clustered import ROUNDING, Clusters, Floats, cluster_sums

__all__: list[str] = []

EDGE = 1e-12
"""How near to the ends of what is possible the roots are looked for, as a share of the way."""
NEAR = 1e-12
"""How exactly they are found, as a share of it."""


@dataclass(frozen=True, slots=True)
class ScoreUnits:
    """The kinds of clusters there are: their ``sums`` and ``sizes``, and how often each occurs (``times``).

    ``within``: the least and the largest value of one case; ``unseen``: the size of a cluster that was not seen;
    ``freedom`` of the variance.
    """

    sums: Floats
    sizes: Floats
    times: Floats
    within: tuple[float, float]
    unseen: float
    freedom: float

    @classmethod
    def of(cls, values: Floats, clusters: Clusters | None, within: tuple[float, float]) -> ScoreUnits:
        """The clusters of these values, equal ones counted together."""
        ends = min(within[0], float(values.min())), max(within[1], float(values.max()))
        if clusters is None:
            kinds, times = np.unique(values, return_counts=True)
            return cls(kinds, np.ones(len(kinds)), times.astype(np.float64), ends, 1.0, len(values) - 1.0)
        sums, sizes = cluster_sums(values, clusters), cluster_sums(np.ones(len(values)), clusters)
        pairs, times = np.unique(np.column_stack([sums, sizes]), axis=0, return_counts=True)
        return cls(pairs[:, 0], pairs[:, 1], times.astype(np.float64), ends, unseen_size(sizes), freedom_of(sizes))

    @property
    def count(self) -> int:
        return int(self.times.sum())

    def bounds(self, t: float) -> tuple[float, float]:
        """The means on both sides of the one seen whose score is ``t``."""
        low, high = self.within
        return self._bound(t), -replace(self, sums=-self.sums, within=(-high, -low))._bound(t)

    def _bound(self, t: float) -> float:
        """The lower one; the least value that a case could have where no mean above it has such a score."""
        low, point = self.within[0], float(self.times @ self.sums) / float(self.times @ self.sizes)
        way = point - low
        if way <= ROUNDING * max(abs(low), abs(point)):
            return low
        ends = low + EDGE * way, point
        if self.score(ends[0]) <= t:
            return low
        return float(brentq(lambda mean: self.score(mean) - t, *ends, xtol=NEAR * way, rtol=NEAR))

    def score(self, mean: float) -> float:
        """The score statistic of the hypothesis that the true mean is ``mean``, which is at most the one seen."""
        apart = self.sums - mean * self.sizes
        total = float(self.times @ apart)
        if total <= ROUNDING * float(self.times @ (np.abs(self.sums) + abs(mean) * self.sizes)):
            return 0.0
        worst = min(float(apart.min()), (self.within[0] - mean) * self.unseen)
        weights, unseen = likeliest(apart, self.times / self.count, worst)
        variance = float(weights @ (apart * apart)) + unseen * worst * worst
        return total / sqrt(self.count * variance)


def likeliest(apart: Floats, shares: Floats, worst: float) -> tuple[Floats, float]:
    """The likeliest weights with mean 0 of values whose mean is above 0, and that of the value ``worst``, below 0.

    ``shares``: how often each of ``apart`` was seen, summing to 1; ``worst`` need not have been seen, and none of them
    is below it.

    Source: Owen (2001), Empirical Likelihood, §2.9.
    """

    def left(slope: float) -> float:
        return float(shares @ (apart / (1 + slope * apart)))

    steepest = (1 - EDGE) / -worst
    if left(steepest) >= 0:
        weights = shares / (1 + steepest * apart)
        return weights, max(1 - float(weights.sum()), 0.0)
    slope = float(brentq(left, 0.0, steepest, xtol=NEAR * steepest, rtol=NEAR))
    return shares / (1 + slope * apart), 0.0


def unseen_size(sizes: Floats) -> float:
    """The size of a cluster that was not seen: the mean of those seen, each weighed by what it adds to the variance."""
    return float((sizes**3).sum() / (sizes**2).sum())


def freedom_of(sizes: Floats) -> float:
    """Satterthwaite's degrees of freedom where the cases of a cluster move together; C − 1 for C equal clusters."""
    return float((sizes**2).sum() ** 2 / (sizes**4).sum()) - 1
