"""What it costs that units come in clusters: the intraclass correlation, and by how much it inflates a sample."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import astuple, dataclass
from math import sqrt
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from fairtrial.domain.estimates import NotEnough

__all__ = ["ClusterSums", "design_effect", "intraclass_correlation"]


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """Sums over clusters, such as tenants with their users, that add: what a design effect is computed from.

    ``units`` Σm and ``squared_sizes`` Σm² over the clusters' sizes; ``x``, ``xx`` over all values; ``between``: Σ of
    each cluster's (Σx)²/m.

    >>> ClusterSums.of([1.0, 0.0, 1.0], ["a", "a", "b"])
    ClusterSums(clusters=2, units=3, squared_sizes=5, x=2.0, xx=2.0, between=1.5)
    """

    clusters: int
    units: int
    squared_sizes: int
    x: float
    xx: float
    between: float

    @classmethod
    def of(cls, values: ArrayLike, clusters: Sequence[Hashable]) -> Self:
        """The sums of values and the cluster of each; raises `ValueError` unless they are finite and as many."""
        x = np.asarray(values, dtype=np.float64).ravel()
        if len(x) != len(clusters) or not np.isfinite(x).all():
            raise ValueError(f"{len(x)} values with {len(clusters)} clusters: one cluster for each, all finite")
        numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
        index = np.array([numbers[name] for name in clusters], dtype=np.intp)
        sizes, sums = np.bincount(index), np.bincount(index, weights=x)
        between = float(np.sum(sums**2 / sizes)) if len(x) else 0.0
        return cls(len(numbers), len(x), int(np.sum(sizes**2)), float(x.sum()), float(x @ x), between)

    def __add__(self, other: Self) -> Self:
        """Of two sets without a common cluster."""
        return type(self)(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def mean_size(self) -> float:
        """Units in a cluster on average; 0 without a cluster."""
        return self.units / self.clusters if self.clusters else 0.0

    @property
    def size_variation(self) -> float:
        """The coefficient of variation of the clusters' sizes, with n; 0 where all are equal."""
        spread = self.clusters * self.squared_sizes - self.units**2
        return sqrt(max(0, spread)) / self.units if self.units else 0.0


def intraclass_correlation(sums: ClusterSums) -> float | NotEnough:
    """How alike the units of a cluster are, by analysis of variance: from below 0 (by chance) to 1.

    `NotEnough` below two clusters, where no cluster has two units, or where all values are equal.

    Source: Donner (1986), Int. Stat. Rev. 54:67-82, the analysis-of-variance estimator.

    >>> round(intraclass_correlation(ClusterSums.of([1, 1, 1, 0, 0, 0, 1, 0], "aaabbbcc")), 3)
    0.712
    """
    if sums.clusters < 2:
        return NotEnough("units of one cluster show no difference between clusters", "two clusters", sums.units)
    if sums.units == sums.clusters:
        return NotEnough("no cluster has two units", "a cluster with two units", sums.units)
    within = max(0.0, sums.xx - sums.between) / (sums.units - sums.clusters)
    between = max(0.0, sums.between - sums.x**2 / sums.units) / (sums.clusters - 1)
    size = (sums.units - sums.squared_sizes / sums.units) / (sums.clusters - 1)
    whole = between + (size - 1) * within
    if whole <= 1e-12 * max(1.0, sums.xx / sums.units):
        return NotEnough("all units show the same value", "units that differ", sums.units)
    return (between - within) / whole


def design_effect(mean_size: float, correlation: float, *, size_variation: float = 0.0) -> float:
    """By how much clusters inflate the sample that single units would need: 1 + ((1 + cv²) m − 1) ρ, at least 1.

    ``mean_size`` m: units in a cluster, 1 or more; ``correlation`` ρ as of `intraclass_correlation` (below 0 counts
    as 0, for it is chance); ``size_variation`` cv: the coefficient of variation of the sizes.

    Source: Eldridge, Ashby & Kerry (2006), Int. J. Epidemiol. 35:1292-1300.

    >>> round(design_effect(20, 0.05, size_variation=0.65), 3)
    2.373
    """
    if not (mean_size >= 1 and correlation <= 1 and size_variation >= 0):
        raise ValueError(f"clusters of {mean_size} units with correlation {correlation} make no sense")
    return 1 + ((1 + size_variation**2) * mean_size - 1) * max(0.0, correlation)
