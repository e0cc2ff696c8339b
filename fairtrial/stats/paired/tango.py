"""Tango's score interval: the difference of two proportions measured on the same cases."""

from __future__ import annotations

from math import ceil, floor, inf, log, sqrt

import numpy as np
import scipy  # its `optimize` loads at its first use, because it is slow to load
from numpy.typing import NDArray

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.intervals import quantile

__all__ = ["enumerated_p", "tango"]

EDGE = 1e-12
"""How close to the ends of the possible range the roots are searched."""
TIE = 1e-9
REACH = 9
"""Standard deviations beyond which an outcome is too rare to count: about 1e-18."""


def tango(won: int, lost: int, n: int, *, level: float = 0.90) -> Estimate | NotEnough:
    """The difference (won − lost) / n of two paired proportions, in [−1, 1], with its score interval.

    ``won`` counts cases that only the first passed, ``lost`` those that only the second passed, and ``n`` all cases.
    Each bound of the two-sided level 0.90 is a one-sided 95 % bound, which is what non-inferiority uses. Without any
    discordant case, the bounds are ±z²/(n + z²), never 0. Returns `NotEnough` without a case, and raises `ValueError`
    for counts that are impossible.

    Source: Tango (1998), Statistics in Medicine 17:891-908, equations 24-26.

    >>> print(tango(won=0, lost=1, n=44))
    -0.02273 (-0.09566 to 0.03652; 90 %, n = 44, Tango score interval, paired)
    """
    if not (won >= 0 and lost >= 0 and won + lost <= n):
        raise ValueError(f"{won} won and {lost} lost can't be among {n} cases")
    if n == 0:
        return NotEnough("no case is scored on both sides", "one pair of scored cases or more")
    low, high = score_bounds(won, lost, n, z=quantile(level))
    return Estimate((won - lost) / n, low, high, level, n, "Tango score interval, paired")


def score_bounds(won: float, lost: float, n: float, *, z: float) -> tuple[float, float]:
    """Tango's two bounds of (won − lost) / n at the quantile ``z``; an effective sample size need not be whole."""
    point = (won - lost) / n
    low = -1.0 if lost >= n else _root(won, lost, n, target=z, between=(-1 + EDGE, point))
    high = 1.0 if won >= n else _root(won, lost, n, target=-z, between=(point, 1 - EDGE))
    return low, high


def enumerated_p(won: int, lost: int, n: int, delta: float) -> float:
    """The p-value of "the true difference is not further from 0 than ``delta``", by enumerating all outcomes.

    ``delta`` is not 0. Many losses are evidence if it is below 0, and many wins if it is above. The value is the
    probability of a score that is at least as extreme, at the most likely distribution whose difference is ``delta``.
    The score's normal p errs in up to 8.8 % on this side, because discordant cases are few and skewed. By enumeration
    of 28 to 400 cases and margins of 2 to 15 points, this p is at most 0.05 in at most 5.4 %.

    Source: Lloyd (2008), Biometrics 64:716-723, for the p at the estimate of the nuisance parameter.

    >>> round(enumerated_p(won=0, lost=13, n=149, delta=-0.05), 4)
    0.0368
    """
    if delta > 0:
        won, lost, delta = lost, won, -delta
    rate = _restricted(lost, won, n, -delta)
    observed = tango_score(won, lost, n, delta) + TIE
    wins, losses = _likely(n, rate), _likely(n, rate - delta)
    needed, least = lost, np.empty(len(wins), dtype=np.int64)
    for at, wins_here in enumerate(wins.tolist()):
        # The score falls with each loss, so the boundary moves by about one loss for each win.
        while needed <= n - wins_here and tango_score(wins_here, needed, n, delta) > observed:
            needed += 1
        while needed > 0 and tango_score(wins_here, needed - 1, n, delta) <= observed:
            needed -= 1
        least[at] = needed
    rest = n - wins[:, np.newaxis] - losses
    ways = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    chance = ways[n] - ways[wins][:, np.newaxis] - ways[losses] - ways[np.maximum(rest, 0)]
    for counts, share in ((wins[:, np.newaxis], rate), (losses, rate - delta), (rest, 1 - 2 * rate + delta)):
        chance += counts * log(share) if share > 0 else np.where(counts > 0, -inf, 0.0)
    return float(np.exp(chance[(losses >= least[:, np.newaxis]) & (rest >= 0)]).sum())


def _likely(n: int, share: float) -> NDArray[np.int64]:
    """The counts out of ``n`` that are not too rare to matter."""
    spread = REACH * sqrt(n * share * (1 - share)) + REACH
    return np.arange(max(0, floor(n * share - spread)), (min(n, ceil(n * share + spread)) if share > 0 else 0) + 1)


def tango_score(won: float, lost: float, n: float, delta: float) -> float:
    """The score statistic of the hypothesis that the true difference is ``delta``: about N(0, 1) under it.

    The variance is taken at the maximum likelihood under the hypothesis, whose closed form is equation 25.
    """
    if delta < 0:
        return -tango_score(lost, won, n, -delta)
    variance = n * (2 * _restricted(won, lost, n, delta) + delta * (1 - delta))
    distance = won - lost - n * delta
    if variance <= 0:
        return 0.0 if distance == 0 else inf if distance > 0 else -inf
    return distance / sqrt(variance)


def _restricted(won: float, lost: float, n: float, delta: float) -> float:
    """The most likely probability of a loss if the true difference is ``delta``, which is 0 or more."""
    a = 2.0 * n
    b = -won - lost + (2 * n - won + lost) * delta
    c = -lost * delta * (1 - delta)
    root = sqrt(max(b * b - 4 * a * c, 0.0))
    # Both expressions are the same root; each avoids subtracting two nearly equal numbers in its case.
    return -2 * c / (root + b) if b > 0 else (root - b) / (2 * a)


def _root(won: float, lost: float, n: float, *, target: float, between: tuple[float, float]) -> float:
    """Where the statistic, which falls with the difference, equals the target."""
    low, high = between

    def above(delta: float) -> float:
        return max(-1e9, min(1e9, tango_score(won, lost, n, delta))) - target

    if above(low) <= 0:
        return low
    if above(high) >= 0:
        return high
    return float(scipy.optimize.brentq(above, low, high, xtol=1e-13))
