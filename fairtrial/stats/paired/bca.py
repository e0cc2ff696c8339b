"""BCa bounds from resampled statistics: the percentile interval, corrected for bias and changing variance."""

from __future__ import annotations

from math import isfinite

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load
from numpy.typing import NDArray

from fairtrial.stats.intervals import upper_share

__all__ = ["bca_bounds"]

Floats = NDArray[np.float64]


def bca_bounds(drawn: Floats, point: float, left_out: Floats, *, level: float = 0.95) -> tuple[float, float]:
    """The bias-corrected and accelerated bounds of a statistic whose value in the data is ``point``.

    ``drawn`` has the statistic of each resample. ``left_out`` has the statistic without each cluster (or case) in turn,
    and its skewness gives the acceleration. All are on the statistic's own scale. Resamples equal to the point count
    half. The bounds lie within ``drawn``: if these all agree, so do the bounds, and the caller must account for what
    was not seen. Raises `ValueError` without a resample, and for values that are not finite.

    Source: Efron (1987), JASA 82:171-185; Efron & Tibshirani (1993), An Introduction to the Bootstrap, §14.3.

    >>> rng = np.random.default_rng(1)
    >>> values = np.array([1.0, 2.0, 2.0, 3.0, 9.0, 4.0, 2.0, 1.0])
    >>> drawn = rng.choice(values, (10_000, 8)).mean(axis=1)
    >>> low, high = bca_bounds(drawn, values.mean(), (values.sum() - values) / 7)
    >>> print(f"{low:.2f} to {high:.2f}")
    1.88 to 5.78
    """
    if len(drawn) == 0 or len(left_out) == 0:
        raise ValueError("there is no resample, or no value without one of the clusters")
    if not (np.isfinite(drawn).all() and np.isfinite(left_out).all() and isfinite(point)):
        raise ValueError("a value is not a finite number; leave out resamples without a value")
    edge = 0.5 / len(drawn)
    below = float(np.mean(drawn < point) + np.mean(drawn == point) / 2)
    bias = float(scipy.special.ndtri(min(max(below, edge), 1 - edge)))
    a = acceleration(left_out)
    shares = [
        _share(bias, a, float(scipy.special.ndtri(tail))) for tail in (1 - upper_share(level), upper_share(level))
    ]
    low, high = np.quantile(drawn, shares)
    return float(low), float(high)


def acceleration(left_out: Floats) -> float:
    """A sixth of the jackknife skewness: how fast the standard error changes with the value; 0 without variance."""
    apart = left_out.mean() - left_out
    size = float(np.abs(apart).max(initial=0.0))
    if size <= 1e-13 * float(np.abs(left_out).max(initial=0.0)):
        return 0.0
    apart = apart / size
    return float((apart**3).sum() / (6 * float(apart @ apart) ** 1.5))


def _share(bias: float, a: float, z: float) -> float:
    """The share of resamples below the bound whose normal quantile is ``z``."""
    moved = bias + z
    room = 1 - a * moved
    # Beyond the pole of the transformation, the most extreme resample is the bound.
    return float(scipy.special.ndtr(bias + moved / room)) if room > 0 else float(moved > 0)
