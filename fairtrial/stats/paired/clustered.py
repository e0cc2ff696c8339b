"""The mean of values or the ratio of two means, with interval and sign-flip test, where clusters may be correlated."""

from collections.abc import Sequence
from math import ceil, exp, inf, log, sqrt

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load
from numpy.typing import NDArray

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_CLUSTERS, MIN_UNITS, MIN_UNLIKE, POWER
from fairtrial.stats.arguments import Floats, upper_share
from fairtrial.stats.effects import Effect
from fairtrial.stats.intervals import unseen_share

__all__ = ["cases_for_look", "clustered_effect", "ratio_of_means", "sign_flip"]

Clusters = Sequence[str] | NDArray[np.intp]
"""The cluster of each case: its name, or its number where clusters are numbered in the order of their names."""
ROUNDING = 1e-13
"""Below this share of the largest value, a standard error is only a rounding error."""
EXACT_TO = 16
"""With up to this many differences, all 2ⁿ flips are evaluated."""
FLIPS = 10_000
TIE = 1e-12
WORD = 8
"""Bytes that the generator produces at a time."""
AT_ONCE, TOGETHER = 2_000_000, 400
"""Signs drawn at a time, and flips summed at a time, a multiple of `WORD`."""


def clustered_effect(values: Floats, clusters: Clusters | None = None) -> Effect | NotEnough:
    """The mean of paired differences with its clustered variance, before it has an interval.

    ``values`` has one value for each case, averaged over repeats beforehand. ``clusters`` gives the cluster of each
    case, or ``None`` if each stands alone. The standard error is sqrt(Σ_c (Σ r)²) / n with the C/(C − 1) correction.
    `fixed` gives the t interval. It is too narrow where few values differ, or clusters are few or dissimilar;
    `score_mean` is valid there, and decides the rules of a gate.

    `always_valid` and `at_least`, with the margin as τ, judge a suite that grew after it had been looked at. They need
    30 clusters, of which ten differ from the most common difference. In simulations, 0/1 cases were looked at one by
    one against a margin of 2 to 10 points. Without the requirement of ten, up to 15 % of suites passed wrongly; with
    it, up to 3.8 % did. The result is on the differences' own scale, with C − 1 degrees of freedom. Returns `NotEnough`
    below two clusters.

    Source: Miller (2024), arXiv:2411.00640, equation 4; Liang & Zeger (1986), Biometrika 73:13-22.

    >>> from fairtrial.stats.effects import fixed
    >>> print(fixed(clustered_effect(np.array([0.2, 0.4, 0.1, 0.3, 0.5, 0.0]))))
    0.25 (0.05367 to 0.4463; 95 %, n = 6, paired mean)
    """
    spread = _spread(values, clusters)
    if isinstance(spread, NotEnough):
        return spread
    mean, error, count = spread
    method, units = ("paired mean", "cases") if clusters is None else ("paired mean, clustered", "clusters")
    return Effect(mean, error**2, len(values), method, count - 1, _too_few(values, clusters, count, units))


def _too_few(values: Floats, clusters: Clusters | None, count: int, units: str) -> NotEnough | None:
    """What a look during a run still needs before the variance is reliable."""
    if count < MIN_UNITS:
        return NotEnough(f"{count} {units} are too few to look at", f"{MIN_UNITS - count} more {units}", len(values))
    _, unlike = count_unlike(values, clusters)
    if unlike >= MIN_UNLIKE:
        return None
    reason = f"only {unlike} of {count} {units} differ from the others, which is too few for a look"
    return NotEnough(reason, f"{MIN_UNLIKE - unlike} more that do", len(values))


def count_unlike(values: Floats, clusters: Clusters | None = None) -> tuple[int, int]:
    """How many clusters there are, and how many of them differ from the most common one."""
    sums = cluster_sums(values, clusters)
    if not len(sums):
        return 0, 0
    _, alike = np.unique((sums / (float(np.abs(sums).max()) or 1.0)).round(12), return_counts=True)
    return len(sums), len(sums) - int(alike.max())


def cases_for_look(values: Floats, clusters: Clusters | None = None) -> int | None:
    """About how many cases like these a look needs, with a power of 80 %; ``None`` while all clusters are alike.

    This is the minimum that `clustered_effect` requires of a look: 30 clusters, of which ten differ. The number of
    those that differ is taken for a Poisson variable whose rate is the share seen so far.

    Source: Johnson, Kemp & Kotz (2005), Univariate Discrete Distributions, ch. 4, Poisson tails as gamma integrals.

    >>> cases_for_look(np.array([0.0] * 17 + [1.0] * 3))
    84
    """
    count, unlike = count_unlike(values, clusters)
    if not unlike:
        return None
    expected = float(scipy.special.gammaincinv(MIN_UNLIKE, POWER))
    return ceil(len(values) * max(MIN_UNITS / count, expected / unlike))


def _spread(values: Floats, clusters: Clusters | None) -> tuple[float, float, int] | NotEnough:
    """The mean, its standard error (0 where the clusters differ only by rounding), and the number of clusters."""
    n, values = len(values), finite(values)
    sums = cluster_sums(values - values.mean(), clusters) if n else np.empty(0)
    count = len(sums)
    if count < MIN_CLUSTERS:
        what = "cases" if clusters is None else "clusters"
        reason = f"one {what[:-1]} can't show how much {what} vary" if count else "there is no case"
        return NotEnough(reason, f"{MIN_CLUSTERS} {what} or more", n)
    error = sqrt(float(sums @ sums) * count / (count - 1)) / n
    return float(values.mean()), error if error > ROUNDING * float(np.abs(values).max()) else 0.0, count


def cluster_sums(values: Floats, clusters: Clusters | None) -> Floats:
    """The sum of the values of each cluster, clusters in the order of their names."""
    values = finite(values)
    if clusters is None:
        return values
    if len(clusters) != len(values):
        raise ValueError(f"{len(values)} values can't have {len(clusters)} clusters: give one for each")
    named = clusters if isinstance(clusters, np.ndarray) else np.asarray(clusters, dtype=object).astype(str)
    _, which = np.unique(named, return_inverse=True)
    return np.asarray(np.bincount(which, weights=values), dtype=np.float64)


def finite(values: Floats) -> Floats:
    """The values as numbers. Raises `ValueError` for one that is not finite.

    A case without a value must be left out; it is never counted.
    """
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError("a value is not a finite number; leave out cases without a value, and report how many")
    return array


def unseen_half(span: float, count: int, *, level: float) -> float:
    """The half-width for cases that do not differ: what an unseen kind of case could change in their mean."""
    if not 0 <= span < inf:
        raise ValueError(f"the span must be a number of 0 or more, not {span}")
    return span * unseen_share(count, level)


def ratio_of_means(
    candidate: Floats, baseline: Floats, clusters: Clusters | None = None, *, level: float = 0.95
) -> Estimate | NotEnough:
    """The mean of ``candidate`` divided by that of ``baseline``, over the same cases; no value may be negative.

    The interval is that of the logarithm by the delta method, with Student's quantile over clusters. ``clusters`` gives
    each case's cluster, or ``None`` if each stands alone. Returns `NotEnough` if a mean is 0 or there is one cluster.

    Source: Kish (1965), Survey Sampling, §6.6, for the ratio; Cochran (1977), Sampling Techniques, §6.9, for its log.

    >>> import numpy as np
    >>> print(ratio_of_means(np.array([20.0, 44, 61, 78]), np.array([10.0, 20, 30, 40])))
    2.03 (1.865 to 2.209; 95 %, n = 4, ratio of means, log)
    """
    new, old = finite(candidate), finite(baseline)
    n = len(new)
    if n == 0 or new.mean() <= 0 or old.mean() <= 0:
        return NotEnough("a mean is 0, so there is no ratio", "answers with a length on both sides", n)
    parts = (new / new.mean() - old / old.mean()) / n
    units = cluster_sums(parts, clusters)
    count = len(units)
    if count < 2:
        return NotEnough("one cluster does not show how much the ratio varies", "two clusters or more", n)
    spread = sqrt(float(np.sum(units**2)) * count / (count - 1)) * float(
        scipy.special.stdtrit(count - 1, upper_share(level))
    )
    centre = log(float(new.mean() / old.mean()))
    method = "ratio of means, log" + ("" if clusters is None else ", over clusters")
    return Estimate(exp(centre), exp(centre - spread), exp(centre + spread), level, n, method)


def sign_flip(differences: Floats, clusters: Clusters | None = None, *, seed: int = 0) -> float | NotEnough:
    """The two-sided p-value of a mean difference of 0; the signs of a cluster flip together.

    ``differences`` has one value for each case, on any scale. ``clusters`` gives the cluster of each, or ``None`` if
    each stands alone. The p-value is exact for up to 16 differing clusters. Above that, it is (b + 1)/(10,000 + 1),
    where b of the 10,000 seeded flips are at least as extreme. Returns `NotEnough` if nothing differs.

    Source: Fisher (1935), The Design of Experiments, §21; Phipson & Smyth (2010) for the + 1.

    >>> maize = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    >>> print(f"{sign_flip(np.array(maize, dtype=float)):.4f}")
    0.0527
    """
    sums = cluster_sums(differences, clusters)
    # Differences that cancel leave a rounding error, whose random sign must not count.
    sums = sums[np.abs(sums) > ROUNDING * float(np.abs(differences).max(initial=0.0))]
    count = len(sums)
    if count == 0:
        return NotEnough("no case differs", "a case on which the two sides differ", len(differences))
    seen = abs(float(sums.sum())) - TIE * float(np.abs(sums).sum())
    if count <= EXACT_TO:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        return float(np.mean(np.abs((2.0 * bits - 1.0) @ sums) >= seen))
    return float((1 + np.count_nonzero(np.abs(_flipped(sums, seed)) >= seen)) / (FLIPS + 1))


def _flipped(sums: Floats, seed: int) -> Floats:
    """The sum of each of the seeded flips.

    The signs are those of ``integers(0, 2, (FLIPS, count), dtype=np.int8) * 2 - 1``, which are the top bits of the
    generator's bytes. Eight signs at a time are looked up in a table of all their sums. This way 100,000 differences
    need half a second and 50 MB.
    """
    rng, count = np.random.default_rng(seed), len(sums)
    eights = np.zeros(-(-count // WORD) * WORD)
    eights[:count] = sums
    signs = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1) * 2.0 - 1.0
    table = eights.reshape(-1, WORD) @ signs.T
    flipped = np.zeros(FLIPS)
    for start in range(0, FLIPS, TOGETHER):
        some = flipped[start : start + TOGETHER]
        for of_eight, drawn in zip(table, _packed(rng, len(some), count), strict=True):
            some += of_eight.take(drawn)
    return flipped


def _packed(rng: np.random.Generator, rows: int, count: int) -> NDArray[np.uint8]:
    """The next signs of so many flips: a row for eight differences each, a byte for each flip."""
    packed = np.empty((rows, -(-count // WORD)), dtype=np.uint8)
    step = max(WORD, AT_ONCE // count // WORD * WORD)  # whole words of the generator, for any count
    for start in range(0, rows, step):
        few = min(step, rows - start)
        drawn = rng.integers(0, 2**64, -(-few * count // WORD), dtype=np.uint64).view(np.uint8)[: few * count]
        packed[start : start + few] = np.packbits(drawn.reshape(few, count) > 127, axis=1)
    return np.ascontiguousarray(packed.T)
