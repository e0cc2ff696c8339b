"""Tests for many trials at once whether the lower bound of a mean over clusters is above a limit."""

from dataclasses import dataclass

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load

from evaluators.results.run_table import Floats, Marks
from fairtrial.domain.promises import MIN_UNLIKE
from fairtrial.stats.effects import freedom_of
from fairtrial.stats.paired.score_mean import EDGE, MIN_FREEDOM, unequal, unseen_size

ROUNDING = 1e-12
STEPS = 24
"""Bisections of the slope; the score needs three digits."""
MOST_KINDS = 500
"""With more kinds of units, the variance of the sample is used: then both are nearly equal."""


@dataclass(frozen=True, slots=True)
class ScoreTest:
    """The test of one line: whether the bound of the mean is above ``limit``.

    The bound is that of `score_mean`. With ``tau``, and clusters whose sizes are too unequal, it is that of
    `always_valid_mean`. ``lowest`` is the least value of a case, and ``upper`` the share below the bound. ``sums`` and
    ``sizes`` have the sum and the number of cases of each kind of unit.
    """

    sums: Floats
    sizes: Floats
    limit: float
    lowest: float
    upper: float
    tau: float = 0.0

    def always_valid(self, times: Floats) -> bool:
        """Whether the bound is always valid. All trials have the same sizes of units."""
        return self.tau > 0 and unequal(self._sizes_in(times))

    def _sizes_in(self, times: Floats) -> Floats:
        inside = self.sizes > 0
        return np.repeat(self.sizes[inside], np.rint(times[0, inside]).astype(np.int64))

    def passes(self, times: Floats) -> Marks:
        """For each trial (row), whether the bound is above the limit; ``times``: how often each kind occurs.

        The score at the limit is above Student's quantile exactly where the bound is above the limit. All trials have
        the same sizes of units, so that the freedom is that of the first.
        """
        passed = np.zeros(len(times), dtype=bool)
        inside = self.sizes > 0
        sizes = self._sizes_in(times)
        if self.tau > 0 and unequal(sizes):
            return self._by_mixture(times[:, inside], sizes, self.sums[inside], self.sizes[inside])
        freedom = freedom_of(sizes) if len(sizes) else 0.0
        if freedom < MIN_FREEDOM:
            return passed
        apart, often = _merged(self.sums[inside] - self.limit * self.sizes[inside], times[:, inside])
        total, count = often @ apart, float(len(sizes))
        above = total > ROUNDING * count * np.abs(apart).max(initial=1.0)
        if above.any():
            often = often[above]
            seen = np.where(often > 0, apart, np.inf).min(axis=1)
            worst = np.minimum(seen, (self.lowest - self.limit) * unseen_size(sizes))
            variance = _variance(apart, often / count, worst)
            passed[above] = total[above] / np.sqrt(count * variance) > float(scipy.special.stdtrit(freedom, self.upper))
        return passed

    def _by_mixture(self, times: Floats, sizes: Floats, sums: Floats, size: Floats) -> Marks:
        """As `always_valid_mean`: the mean is further above the limit than the half-width there."""
        passed, cases, count = np.zeros(len(times), dtype=bool), float(sizes.sum()), float(len(sizes))
        mean = times @ sums / cases
        squares = times @ sums**2 - 2 * mean * (times @ (sums * size)) + mean**2 * float((sizes**2).sum())
        variance = np.maximum(squares, 0.0) * count / (count - 1) / cases**2
        alike = _merged(sums, times)[1].max(axis=1)
        ready = (mean > self.limit) & (variance > ROUNDING**2) & (count - alike >= MIN_UNLIKE)
        if ready.any():
            apart, often = _merged(sums - self.limit * size, times[ready])
            worst = np.minimum(np.where(often > 0, apart, np.inf).min(axis=1), self.lowest - self.limit)
            larger = np.maximum(variance[ready], count * _variance(apart, often / count, worst) / cases**2)
            total = larger + self.tau**2
            spread = np.log1p(np.sqrt(total / larger) / (2 * (1 - self.upper)))
            half = np.sqrt(2 * larger * total / self.tau**2 * spread)
            passed[ready] = mean[ready] - self.limit > half
        return passed


def _merged(apart: Floats, times: Floats) -> tuple[Floats, Floats]:
    """Kinds with the same value counted together."""
    kinds, which = np.unique(apart, return_inverse=True)
    order = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[order], np.arange(len(kinds)))
    return kinds, np.asarray(np.add.reduceat(times[:, order], starts, axis=1), dtype=np.float64)


def _variance(apart: Floats, shares: Floats, worst: Floats) -> Floats:
    """The variance of the most likely distribution with mean 0, as in `likeliest`, for each row of shares."""
    if len(apart) > MOST_KINDS:
        mean = shares @ apart
        return np.asarray(shares @ (apart * apart) - mean * mean, dtype=np.float64)
    steepest = (1 - EDGE) / -worst
    low, high = np.zeros(len(shares)), steepest.copy()
    unseen = _left(apart, shares, steepest) >= 0
    for _ in range(STEPS):
        middle = (low + high) / 2
        rising = _left(apart, shares, middle) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    weights = _tilted(apart, shares, np.where(unseen, steepest, (low + high) / 2))
    left = np.where(unseen, np.maximum(1 - weights.sum(axis=1), 0), 0.0)
    return np.asarray(weights @ (apart * apart) + left * worst * worst, dtype=np.float64)


def _left(apart: Floats, shares: Floats, slope: Floats) -> Floats:
    return np.asarray(_tilted(apart, shares, slope) @ apart, dtype=np.float64)


def _tilted(apart: Floats, shares: Floats, slope: Floats) -> Floats:
    """The weights at a slope; a kind that the trial does not have weighs nothing, whatever its value."""
    bottom = np.where(shares > 0, 1 + slope[:, None] * apart, 1.0)
    return np.asarray(shares / bottom, dtype=np.float64)
