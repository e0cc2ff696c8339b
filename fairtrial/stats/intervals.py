"""Wilson's interval for a proportion with its quantiles, and tail probabilities of the binomial distribution."""

from __future__ import annotations

from math import comb, exp, log, log1p, sqrt

import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arguments import check_level, upper_share

__all__ = ["wilson"]
NEGLIGIBLE = 1e-18
"""The sum ends at a term that is smaller than this share of it."""


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
