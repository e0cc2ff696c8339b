"""Clustered units: the intraclass correlation, and how much it inflates a sample size."""

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
    """Additive sums over clusters, such as tenants with their users, from which the design effect is computed.

    ``units`` is Σm and ``squared_sizes`` is Σm² over the clusters' sizes. ``x`` and ``xx`` are sums over all values.
    ``between`` is the sum of each cluster's (Σx)²/m.

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
        """The sums of values and their clusters; raises `ValueError` unless they are finite and equally many."""
        x = np.asarray(values, dtype=np.float64).ravel()
        if len(x) != len(clusters) or not np.isfinite(x).all():
            raise ValueError(f"{len(x)} values with {len(clusters)} clusters: each must be finite and have one cluster")
        numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
        index = np.array([numbers[name] for name in clusters], dtype=np.intp)
        sizes, sums = np.bincount(index), np.bincount(index, weights=x)
        between = float(np.sum(sums**2 / sizes)) if len(x) else 0.0
        return cls(len(numbers), len(x), int(np.sum(sizes**2)), float(x.sum()), float(x @ x), between)

    def __add__(self, other: Self) -> Self:
        """The sums of two sets that have no cluster in common."""
        return type(self)(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def mean_size(self) -> float:
        """The mean number of units in a cluster; 0 without a cluster."""
        return self.units / self.clusters if self.clusters else 0.0

    @property
    def size_variation(self) -> float:
        """The coefficient of variation of the clusters' sizes, with divisor n; 0 if all are equal."""
        spread = self.clusters * self.squared_sizes - self.units**2
        return sqrt(max(0, spread)) / self.units if self.units else 0.0


def intraclass_correlation(sums: ClusterSums) -> float | NotEnough:
    """The similarity of the units in a cluster, by analysis of variance: from slightly below 0 (by chance) to 1.

    Returns `NotEnough` below two clusters, if no cluster has two units, or if all values are equal.

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
    """The factor by which clusters inflate the sample of independent units: 1 + ((1 + cv²) m − 1) ρ, at least 1.

    ``mean_size`` m is the mean number of units in a cluster, 1 or more. ``correlation`` ρ is that of
    `intraclass_correlation`; a value below 0 is due to chance and counts as 0. ``size_variation`` cv is the coefficient
    of variation of the sizes.

    Source: Eldridge, Ashby & Kerry (2006), Int. J. Epidemiol. 35:1292-1300.

    >>> round(design_effect(20, 0.05, size_variation=0.65), 3)
    2.373
    """
    if not (mean_size >= 1 and correlation <= 1 and size_variation >= 0):
        raise ValueError(f"clusters of {mean_size} units with correlation {correlation} are not possible")
    return 1 + ((1 + size_variation**2) * mean_size - 1) * max(0.0, correlation)
