"""Tail probabilities of the binomial distribution, without scipy, which is slow to load."""

from __future__ import annotations

from math import comb, exp, log, log1p

__all__: list[str] = []

NEGLIGIBLE = 1e-18
"""The sum ends at a term that is smaller than this share of it."""


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
