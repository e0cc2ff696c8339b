"""Exit probabilities of a Gaussian random walk at its looks, which give a repeated test's errors and power."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import ceil, inf, pi, sqrt

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load
from numpy.typing import NDArray

from fairtrial.stats.arguments import check_finite

__all__ = ["Exits", "exits"]

Array = NDArray[np.float64]
REACH = 8.0
"""How many standard deviations of the walk are computed; values outside have a probability of 1e-15."""
FEWEST, MOST = 32, 600
"""The number of points at which the density between the bounds is stored."""


@dataclass(frozen=True, slots=True)
class Exits:
    """Where and when a walk exits; each field has one value for each look.

    ``times`` is the information at the looks. ``up`` and ``down`` are the probabilities of a first exit on that side at
    that look. ``slope_up`` is the mean of S/t, the estimate of the drift, over the walks that exit upwards there, times
    ``up``.

    >>> found = exits([1.0], [-1.96], [1.96], drift=0.0)
    >>> round(found.up[0] + found.down[0], 3)
    0.05
    """

    times: tuple[float, ...]
    up: tuple[float, ...]
    down: tuple[float, ...]
    slope_up: tuple[float, ...]

    @property
    def mean_time(self) -> float:
        """The mean information at the end: at the exit, or at the last look for walks without one."""
        left = np.add(self.up, self.down)
        return float(np.dot(left, self.times) + (1 - left.sum()) * self.times[-1])

    @property
    def mean_slope_up(self) -> float | None:
        """The mean drift estimate of walks that exit upwards; ``None`` if almost none does."""
        won = sum(self.up)
        return sum(self.slope_up) / won if won > 1e-9 else None


def exits(times: Sequence[float], low: Sequence[float], high: Sequence[float], *, drift: float) -> Exits:
    """The probabilities that S(t) ~ N(drift · t, t), with independent increments, first exits (low, high) at each look.

    ``times`` is the information at the looks, ascending and above 0. ``low`` and ``high`` are the bounds of S at each
    look, ∓inf where there is none. The method is recursive numerical integration: it carries the density of the walks
    that are still inside from look to look, at Gauss-Legendre points. These are close enough for steps of a thousandth
    of the whole. Raises `ValueError` for times that do not ascend, for bounds that cross, and for numbers of bounds and
    times that differ.

    Source: Armitage, McPherson & Rowe (1969), J. R. Stat. Soc. A 132:235-244; Jennison & Turnbull (2000), Group
    Sequential Methods, chapter 19.

    >>> times = [1, 2, 3, 4, 5]
    >>> found = exits(times, [-1.96 * t**0.5 for t in times], [1.96 * t**0.5 for t in times], drift=0.0)
    >>> print(f"five looks at 5 % are a test of {sum(found.up) + sum(found.down):.1%}")
    five looks at 5 % are a test of 14.2%
    """
    _check(times, low, high)
    check_finite(drift, what="the drift")
    points, mass, before = np.zeros(1), np.ones(1), 0.0
    steps: list[tuple[float, float, float]] = []
    for look, time in enumerate(times):
        means, spread = points + drift * (time - before), sqrt(time - before)
        over, under = _out(mass, means, spread, high[look]), _out(mass, -means, spread, -low[look])
        steps.append((over[0], under[0], over[1] / time))
        if look + 1 == len(times):
            break
        points, weights = _inside(low[look], high[look], (drift * time, time, times[look + 1] - time))
        mass = (_normal((points[:, None] - means) / spread) @ mass) * weights / spread
        before = time
    up, down, slope = zip(*steps, strict=True)
    return Exits(tuple(float(time) for time in times), up, down, slope)


def _check(times: Sequence[float], low: Sequence[float], high: Sequence[float]) -> None:
    if not len(times) == len(low) == len(high) > 0:
        raise ValueError(f"{len(times)} looks can't have {len(low)} lower and {len(high)} upper bounds")
    if not (times[0] > 0 and all(earlier < later for earlier, later in pairwise(times)) and times[-1] < inf):
        raise ValueError("the information at the looks must ascend, from above 0")
    if not all(under <= over for under, over in zip(low, high, strict=True)):
        raise ValueError("at each look, the lower bound must not exceed the upper one")


def _out(mass: Array, means: Array, spread: float, bound: float) -> tuple[float, float]:
    """The probability of being at or beyond the bound at this look, and the mean of the walk there times it."""
    if bound == inf:
        return 0.0, 0.0
    z = (bound - means) / spread
    beyond = scipy.special.ndtr(-z)
    return float(mass @ beyond), float(mass @ (means * beyond + spread * _normal(z)))


def _inside(low: float, high: float, walk: tuple[float, float, float]) -> tuple[Array, Array]:
    """Points between the bounds and their weights, spaced by the width of the next step.

    ``walk``: its mean and variance now, and the variance of its next step.
    """
    mean, variance, step = walk
    reach = REACH * sqrt(variance)
    left, right = max(low, mean - reach), min(high, mean + reach)
    if right <= left:
        return np.zeros(1), np.zeros(1)
    count = min(MOST, max(FEWEST, ceil(1.8 * (right - left) / sqrt(min(step, variance)))))
    nodes, weights = _gauss_legendre(16 * ceil(count / 16))
    half = (right - left) / 2
    return left + half * (nodes + 1), weights * half


@lru_cache(maxsize=64)
def _gauss_legendre(count: int) -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


def _normal(z: Array) -> Array:
    return np.exp(-0.5 * z * z) / sqrt(2 * pi)
