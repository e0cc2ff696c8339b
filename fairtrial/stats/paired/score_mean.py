"""The mean of bounded values with its score interval, where values of one cluster may move together."""

from __future__ import annotations

from math import inf

from scipy.special import stdtrit

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

    ``values``: one for each case, repeats averaged before; ``clusters``: its cluster for each case, or ``None`` if each
    case stands alone; ``within``: the least and the largest value that one case could have; values beyond widen it.

    Each bound is the mean at which the score statistic equals Student's quantile. Its variance is that of the likeliest
    distribution with this mean, over the values seen and the end of ``within`` that the mean lies towards: losses that
    the sample did not show count as far as the mean supposes them. For 0/1 values this is Wilson's variance, for −1/0/1
    differences Tango's, for candidate − factor · baseline that of Nam & Blackwelder. The unseen kind of case comes in
    clusters of the size Σ m³/Σ m²; the freedom is (Σ m²)²/Σ m⁴ − 1, which is C − 1 for C equal clusters. No interval
    goes beyond ``within``. `NotEnough` below two clusters, or where one has nearly all cases.

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
        raise ValueError(f"no value lies within {within}: two finite numbers, the smaller first")
    what = "cases" if clusters is None else "clusters"
    if n == 0:
        return NotEnough("there is no case", f"two {what} or more")
    units = ScoreUnits.of(values, clusters, (low, high))
    if units.freedom < MIN_FREEDOM:
        return NotEnough(f"too few {what} to show how much they vary", f"more {what} of a like size", n)
    bounds = units.bounds(float(stdtrit(units.freedom, upper)))
    method = "mean, score interval" + ("" if clusters is None else " over clusters")
    return Estimate(float(values.mean()), *bounds, level, n, method)
