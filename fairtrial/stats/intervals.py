"""Intervals of a proportion, Wilson's and the exact one, binomial tails, and the power of a membership test."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, exp, log, log1p, sqrt

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load
from numpy.typing import NDArray

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arguments import check_level, upper_share

__all__ = ["clopper_pearson", "tpr_at_fpr", "wilson"]

NEGLIGIBLE = 1e-18
"""The sum ends at a term that is smaller than this share of it."""

Floats = NDArray[np.float64]
MIN_CONTROLS = 100
"""With fewer controls, a false-positive rate of 1 % cannot be observed at all."""


def quantile(level: float) -> float:
    """The normal quantile of a two-sided interval with this level: 1.96 for 0.95."""
    return float(scipy.special.ndtri(upper_share(level)))


def unseen_share(n: int, level: float) -> float:
    """The largest plausible share of a kind that none of ``n`` cases showed: z²/(n + z²), Wilson's bound for 0 of n."""
    z2 = quantile(level) ** 2
    return z2 / (n + z2)


def wilson(successes: int, n: int, *, level: float = 0.95) -> Estimate | NotEnough:
    """Wilson's score interval for a proportion, in [0, 1].

    Returns `NotEnough` without cases. Raises `ValueError` for ``successes`` that can't be among ``n``.

    Source: Wilson (1927), JASA 22:209-212; recommended by Brown, Cai & DasGupta (2001), Stat. Sci. 16:101-133.

    >>> print(wilson(81, 263))
    0.308 (0.2553 to 0.3662; 95 %, n = 263, Wilson)
    """
    check_level(level)
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes can't be among {n} cases")
    if n == 0:
        return NotEnough("no case is scored", "one scored case or more")
    z, p = quantile(level), successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return Estimate(p, low, high, level, n, "Wilson")


def at_least(least: int, n: int, share: float) -> float:
    """The probability of at least ``least`` successes in ``n`` trials that each succeed with probability ``share``.

    >>> at_least(6, 6, 0.5)
    0.015625
    """
    if least <= 0:
        return 1.0
    if least > n or share <= 0:
        return 0.0
    if least <= n * share:  # sum the smaller tail, because the terms fall from its beginning
        return 1.0 - at_least(n - least + 1, n, 1 - share)
    term = total = exactly(least, n, share)
    odds = share / (1 - share)
    for successes in range(least, n):
        term *= (n - successes) / (successes + 1) * odds
        total += term
        if term < NEGLIGIBLE * total:
            break
    return total


def exactly(successes: int, n: int, share: float) -> float:
    """The probability of exactly this many successes; ``share`` lies between 0 and 1.

    >>> exactly(1, 4, 0.5)
    0.25
    """
    ways = comb(n, successes)
    if share == 0.5:
        return ways / (1 << n)
    return exp(log(ways) + successes * log(share) + (n - successes) * log1p(-share))


def clopper_pearson(successes: int, n: int, *, level: float = 0.95) -> Estimate | NotEnough:
    """The exact interval for a proportion, which never covers less often than its level says.

    Use it where an error must not exceed its level even for few cases. `wilson` is shorter, and right on average.
    Returns `NotEnough` without cases.

    Source: Clopper & Pearson (1934), Biometrika 26:404-413.

    >>> print(clopper_pearson(9, 10))
    0.9 (0.555 to 0.9975; 95 %, n = 10, Clopper-Pearson)
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes can't be among {n} cases")
    if n == 0:
        return NotEnough("no case is scored", "one scored case or more")
    upper = upper_share(level)
    low = 0.0 if successes == 0 else float(scipy.special.betaincinv(successes, n - successes + 1, 1 - upper))
    high = 1.0 if successes == n else float(scipy.special.betaincinv(successes + 1, n - successes, upper))
    return Estimate(successes / n, low, high, level, n, "Clopper-Pearson")


@dataclass(frozen=True, slots=True)
class TprAtFpr:
    """The share of members that score above a threshold, and that of controls, each with its exact interval."""

    threshold: float
    tpr: Estimate
    fpr: Estimate

    @property
    def detected(self) -> bool:
        """Whether members are proven to exceed the threshold more often than controls: the intervals do not overlap."""
        return self.tpr.low > self.fpr.high


def tpr_at_fpr(
    members: Floats, controls: Floats, *, fpr: float = 0.01, level: float = 0.95, minimum: int = MIN_CONTROLS
) -> TprAtFpr | NotEnough:
    """The true-positive rate at the lowest threshold that at most ``fpr`` of the controls exceed.

    A higher score means a more likely member. Averages hide a few texts that are certainly remembered; the rate at few
    false alarms shows them. The threshold comes from the same controls, so the rate at new ones can be higher;
    the upper end of ``fpr``'s interval says by how much. Returns `NotEnough` below ``minimum`` controls.

    Source: Carlini et al. (2022), "Membership Inference Attacks From First Principles", IEEE S&P.

    >>> import numpy as np
    >>> found = tpr_at_fpr(np.array([0.9] * 15 + [0.1] * 5), np.linspace(0, 0.5, 200))
    >>> print(found.tpr)
    0.75 (0.509 to 0.9134; 95 %, n = 20, Clopper-Pearson)
    """
    if len(controls) < minimum:
        return NotEnough(
            f"{len(controls)} controls cannot show a false-positive rate of {100 * fpr:g} %",
            f"{minimum} controls or more",
            len(controls),
        )
    ranked = np.sort(np.asarray(controls, dtype=np.float64))[::-1]
    threshold = float(ranked[int(fpr * len(ranked))])
    above = [int(np.count_nonzero(np.asarray(scores) > threshold)) for scores in (members, controls)]
    tpr = clopper_pearson(above[0], len(members), level=level)
    false = clopper_pearson(above[1], len(controls), level=level)
    if isinstance(tpr, NotEnough) or isinstance(false, NotEnough):
        return NotEnough("no member is scored", "one scored member or more", len(controls))
    return TprAtFpr(threshold, tpr, false)
