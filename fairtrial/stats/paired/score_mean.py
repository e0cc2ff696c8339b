"""The mean of bounded values with its score interval, where values of one cluster may be correlated."""

from __future__ import annotations

from math import inf

import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.intervals import upper_share
from fairtrial.stats.paired.clustered import Clusters, Floats, finite
from fairtrial.stats.paired.score_units import ScoreUnits

__all__ = ["score_mean"]

MIN_FREEDOM = 1.0


def score_mean(
    values: Floats, clusters: Clusters | None = None, *, within: tuple[float, float], level: float = 0.95
) -> Estimate | NotEnough:
    """The mean of values, or of paired differences, with its score interval over clusters.

    ``values`` has one value for each case, averaged over repeats beforehand. ``clusters`` gives the cluster of each
    case, or ``None`` if each stands alone. ``within`` gives the lowest and the highest value that one case could have;
    values beyond widen it.

    Each bound is the mean at which the score statistic equals Student's quantile. Its variance is that of the most
    likely distribution with this mean. The distribution covers the observed values and the end of ``within`` towards
    which the mean lies. Losses that the sample did not show therefore count as much as the mean implies. For 0/1 values
    this is Wilson's variance, for −1/0/1 differences Tango's, and for candidate − factor · baseline that of Nam &
    Blackwelder.

    The unseen kind of case comes in clusters of the size Σ m³/Σ m². The degrees of freedom are (Σ m²)²/Σ m⁴ − 1, which
    is C − 1 for C equal clusters. No interval goes beyond ``within``. Returns `NotEnough` below two clusters, or where
    one has nearly all cases.

    Source: Tango (1998), Stat. Med. 17:891-908; Nam & Blackwelder (2002), Stat. Med. 21:689-699;
    Owen (2001), Empirical Likelihood, §2.9, for the likeliest distribution; Carter, Schnepel & Steigerwald (2017),
    Review of Economics and Statistics 99:698-709, for the freedom of unequal clusters.

    >>> import numpy as np
    >>> print(score_mean(np.array([0.0] * 50 + [-1.0, -0.5, 0.5, 0.25]), within=(-1, 1), level=0.90))
    -0.01389 (-0.07782 to 0.03614; 90 %, n = 54, mean, score interval)
    """
    n, values, upper = len(values), finite(values), upper_share(level)
    low, high = float(within[0]), float(within[1])
    if not -inf < low < high < inf:
        raise ValueError(f"`within` must be two finite numbers, the smaller first, not {within}")
    what = "cases" if clusters is None else "clusters"
    if n == 0:
        return NotEnough("there is no case", f"two {what} or more")
    units = ScoreUnits.of(values, clusters, (low, high))
    if units.freedom < MIN_FREEDOM:
        return NotEnough(f"too few {what} to show how much they vary", f"more {what} of similar size", n)
    bounds = units.bounds(float(scipy.special.stdtrit(units.freedom, upper)))
    method = "mean, score interval" + ("" if clusters is None else " over clusters")
    return Estimate(float(values.mean()), *bounds, level, n, method)
