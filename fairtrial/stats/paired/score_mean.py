"""The mean of bounded values with its score interval, where values of one cluster may be correlated."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import scipy  # its `special` and `optimize` load at their first use, because they are slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import one_sided_half_width
from fairtrial.stats.arguments import check_alpha, check_tau, upper_share
from fairtrial.stats.effects import monitorable
from fairtrial.stats.paired.clustered import Clusters, Floats, clustered_effect, finite
from fairtrial.stats.paired.score_units import EDGE, NEAR, ScoreUnits

__all__ = ["always_valid_mean", "score_mean"]

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


def always_valid_mean(
    values: Floats, clusters: Clusters, *, within: tuple[float, float], tau: float, alpha: float = 0.05
) -> Estimate | NotEnough:
    """The mean over clusters of unequal sizes, with one-sided bounds that are valid at all looks, the first included.

    ``values``, ``clusters`` and ``within`` are as in `score_mean`; ``tau`` and ``alpha`` are as in `at_least`, and each
    bound errs with probability ``alpha``. The variance at a bound is that of `clustered_effect` or, if it is larger,
    that of the most likely distribution with this mean. Where few large clusters have most of the cases, the first is
    too small just if these clusters lost nothing. An unseen cluster has one case.

    Simulations had 40 to 200 clusters of Zipf sizes, or one cluster with 10 to 40 % of the cases. A candidate that is
    worse by the margin passes in at most 7 %. The bound fails if clusters move as a whole and three of them hold half
    of the cases: with exponent 1.25 and losses only, 11 % pass. Returns `NotEnough` below 30 clusters, or if fewer than
    ten differ.

    Source: as `at_least` and `score_mean`.

    >>> import numpy as np
    >>> names = np.repeat(np.arange(40), [60] + [4] * 39)
    >>> moved = np.where(np.arange(216) % 9 == 0, np.where(np.arange(216) % 2 == 0, 1.0, -1.0), 0.0)
    >>> print(always_valid_mean(moved, names, within=(-1, 1), tau=0.1))
    0 (-0.06371 to 0.05961; 90 %, n = 216, paired mean, clustered, always valid)
    """
    check_tau(tau)
    check_alpha(alpha, most=0.5)
    effect = monitorable(clustered_effect(values, clusters))
    if isinstance(effect, NotEnough):
        return effect
    units = replace(ScoreUnits.of(finite(values), clusters, within), unseen=1.0)
    low, high = units.within
    mirrored = replace(units, sums=-units.sums, within=(-high, -low))
    bounds = _mixture_bound(units, effect.variance, tau, alpha), -_mixture_bound(mirrored, effect.variance, tau, alpha)
    method = f"{effect.method}, always valid"
    return Estimate(effect.value, *bounds, 1 - 2 * alpha, effect.n, method, always_valid=True)


def _mixture_bound(units: ScoreUnits, variance: float, tau: float, alpha: float) -> float:
    """The lower bound of the normal mixture, whose variance is at least that of the hypothesis at the bound."""
    cases = float(units.times @ units.sizes)
    point, least = float(units.times @ units.sums) / cases, units.within[0]

    def beyond(mean: float) -> float:
        larger = max(variance, units.variance(mean) / cases**2)
        return point - mean - one_sided_half_width(larger, tau=tau, alpha=alpha)

    way = point - least
    nearest = point - one_sided_half_width(variance, tau=tau, alpha=alpha)
    if nearest <= least or beyond(least + EDGE * way) <= 0:
        return least
    if beyond(nearest) >= 0:  # up to rounding, the hypothesis' variance is not larger
        return nearest
    return float(scipy.optimize.brentq(beyond, least + EDGE * way, nearest, xtol=NEAR * way, rtol=NEAR))
