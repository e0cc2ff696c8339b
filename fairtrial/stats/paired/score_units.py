"""The score statistic of a mean over clusters, with the variance of the most likely distribution with that mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
import scipy  # its `optimize` loads at its first use, because it is slow to load

from fairtrial.stats.effects import EVEN, MIN_UNITS, freedom_of
from fairtrial.stats.paired.clustered import ROUNDING, Clusters, Floats, cluster_sums

__all__: list[str] = []

EDGE = 1e-12
"""How close to the ends of the possible range the roots are searched, as a share of it."""
NEAR = 1e-12
"""The precision of the roots, as a share of the range."""


@dataclass(frozen=True, slots=True)
class ScoreUnits:
    """The distinct clusters: their ``sums`` and ``sizes``, and how often each occurs (``times``).

    ``within`` gives the lowest and the highest value of one case. ``unseen`` is the size of a cluster that was not
    seen, and ``freedom`` gives the degrees of freedom of the variance.
    """

    sums: Floats
    sizes: Floats
    times: Floats
    within: tuple[float, float]
    unseen: float
    freedom: float

    @classmethod
    def of(cls, values: Floats, clusters: Clusters | None, within: tuple[float, float]) -> ScoreUnits:
        """Builds the clusters of these values, counting equal ones together."""
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
        """The means on both sides of the observed one whose score is ``t``."""
        low, high = self.within
        return self._bound(t), -replace(self, sums=-self.sums, within=(-high, -low))._bound(t)

    def _bound(self, t: float) -> float:
        """The lower bound; the least possible value of a case if no mean above it has such a score."""
        low, point = self.within[0], float(self.times @ self.sums) / float(self.times @ self.sizes)
        way = point - low
        if way <= ROUNDING * max(abs(low), abs(point)):
            return low
        ends = low + EDGE * way, point
        if self.score(ends[0]) <= t:
            return low
        return float(scipy.optimize.brentq(lambda mean: self.score(mean) - t, *ends, xtol=NEAR * way, rtol=NEAR))

    def score(self, mean: float) -> float:
        """The score statistic of the hypothesis that the true mean is ``mean``, which is at most the observed one."""
        apart = self.sums - mean * self.sizes
        total = float(self.times @ apart)
        if total <= ROUNDING * float(self.times @ (np.abs(self.sums) + abs(mean) * self.sizes)):
            return 0.0
        worst = min(float(apart.min()), (self.within[0] - mean) * self.unseen)
        return total / sqrt(self._variance(apart, worst))

    def variance(self, mean: float) -> float:
        """The variance of the sum over all clusters, if the true mean is ``mean``, which is below the observed one."""
        apart = self.sums - mean * self.sizes
        return self._variance(apart, min(float(apart.min()), (self.within[0] - mean) * self.unseen))

    def _variance(self, apart: Floats, worst: float) -> float:
        weights, unseen = likeliest(apart, self.times / self.count, worst)
        return self.count * (float(weights @ (apart * apart)) + unseen * worst * worst)


def likeliest(apart: Floats, shares: Floats, worst: float) -> tuple[Floats, float]:
    """The most likely weights that give values with a mean above 0 the mean 0, and the weight of ``worst``, below 0.

    ``shares`` gives how often each value of ``apart`` was observed, and sums to 1. ``worst`` need not have been
    observed, and no value is below it.

    Source: Owen (2001), Empirical Likelihood, §2.9.
    """

    def left(slope: float) -> float:
        return float(shares @ (apart / (1 + slope * apart)))

    steepest = (1 - EDGE) / -worst
    if left(steepest) >= 0:
        weights = shares / (1 + steepest * apart)
        return weights, max(1 - float(weights.sum()), 0.0)
    slope = float(scipy.optimize.brentq(left, 0.0, steepest, xtol=NEAR * steepest, rtol=NEAR))
    return shares / (1 + slope * apart), 0.0


def unequal(sizes: Floats) -> bool:
    """Whether so many clusters have such sizes that the bound of repeated looks decides more often than Student's."""
    return len(sizes) >= MIN_UNITS and freedom_of(sizes) < EVEN


def unseen_size(sizes: Floats) -> float:
    """The assumed size of an unseen cluster: the mean of observed sizes, weighted by contribution to the variance."""
    return float((sizes**3).sum() / (sizes**2).sum())
