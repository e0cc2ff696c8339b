"""The mean of bounded values with its score interval, where values of one cluster may be correlated."""

from dataclasses import dataclass, replace
from math import inf, sqrt

import numpy as np
import scipy  # its `special` and `optimize` load at their first use, because they are slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_UNITS
from fairtrial.stats.always_valid import one_sided_half_width
from fairtrial.stats.arguments import Floats, check_alpha, check_tau, upper_share
from fairtrial.stats.effects import EVEN, freedom_of, monitorable
from fairtrial.stats.paired.clustered import ROUNDING, Clusters, cluster_sums, clustered_effect, finite

__all__ = ["always_valid_mean", "score_mean"]

MIN_FREEDOM = 1.0
EDGE = 1e-12
"""How close to the ends of the possible range the roots are searched, as a share of it."""
NEAR = 1e-12
"""The precision of the roots, as a share of the range."""


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


def _mixture_bound(units: "ScoreUnits", variance: float, tau: float, alpha: float) -> float:
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
    def of(cls, values: Floats, clusters: Clusters | None, within: tuple[float, float]) -> "ScoreUnits":
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
        return total / sqrt(self.variance(mean))

    def variance(self, mean: float) -> float:
        """The variance of the sum over all clusters, if the true mean is ``mean``, which is below the observed one."""
        apart = self.sums - mean * self.sizes
        worst = min(float(apart.min()), (self.within[0] - mean) * self.unseen)
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
