"""How often one of two models is preferred: the win rate of blind pairwise votes, ties counting half."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy.special import stdtrit

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.clustered import Floats
from fairtrial.stats.crossed import CrossedMean, crossed_mean
from fairtrial.stats.intervals import quantile

MIN_ITEMS = 10
"""Below this many judged pairs no win rate is told: its interval would span most of what is possible."""

TIE = 0.5


def win_rate(
    values: Floats,
    items: Sequence[str],
    people: Sequence[str],
    *,
    weights: Floats | None = None,
    level: float = 0.90,
) -> Estimate | NotEnough:
    """w = (W + T/2)/n in [0, 1] with a score interval on clustered standard errors.

    ``values``: 1 for the candidate, 0 for the baseline, ½ for a tie or both bad, one for each vote; can't judge is
    left out before. The two-sided ``level`` 0.90 has one-sided 95 % bounds. The interval is Wilson's at the effective
    sample size n* = w(1 − w)/V, with a t quantile, so that it stays within [0, 1] and is not too short near its ends.
    Where pairs show no spread, since all votes are equal or cancel within each, n* is the number of pairs; for nothing
    but ties the half-width is what the next, unseen kind of vote could add, ½·z²/(n + z²). `NotEnough` below ten pairs.

    Source: Wilson (1927), JASA 22:209-212; Korn & Graubard (1998), Survey Methodology 24:193-201, for n*.
    """
    count = len(set(items))
    if count < MIN_ITEMS:
        return NotEnough(f"{count} judged pairs are too few", f"{MIN_ITEMS - count} more judged pairs", len(values))
    found = crossed_mean(values, items, people, weights=weights)
    if isinstance(found, NotEnough):
        return found
    w = float(values[0]) if np.ptp(values) == 0 else found.mean
    low, high = _bounds(found, level) if found.spreads else _bounds_of_equal(w, values, found.items, level=level)
    return Estimate(w, low, high, level, len(values), _method(found, weights))


def shown_from(pairs: int) -> float | None:
    """The win rate from which so many pairs show "better" at one-sided 95 %; ``None`` if no win rate would.

    Without ties, which is the hardest; the score interval excludes ½ where |w − ½| > t·√(¼/(n − 1)).
    """
    if pairs < MIN_ITEMS:
        return None
    return TIE + float(stdtrit(pairs - 1, 0.95)) * TIE / sqrt(pairs - 1)


def decided(values: Floats) -> tuple[int, int]:
    """Votes for the candidate and for the baseline; ties are for neither."""
    return int(np.count_nonzero(values > TIE)), int(np.count_nonzero(values < TIE))


def _bounds(found: CrossedMean, level: float) -> tuple[float, float]:
    t = float(stdtrit(found.freedom, 0.5 + level / 2))
    return _score_interval(found.mean, found.mean * (1 - found.mean) / found.variance, t)


def _bounds_of_equal(w: float, values: Floats, items: int, *, level: float) -> tuple[float, float]:
    """Where pairs show no spread: all votes are equal, or they cancel within each pair."""
    z = quantile(level)
    if np.all(values == TIE):
        half = TIE * z * z / (items + z * z)
        return w - half, w + half
    return _score_interval(w, items, z)


def _score_interval(w: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's, for a sample of the size ``n`` that need not be whole."""
    middle = (w + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(w * (1 - w) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _method(found: CrossedMean, weights: Floats | None) -> str:
    by = "pair and reviewer" if found.two_way else "pair"
    return f"win rate, score interval clustered by {by}" + ("" if weights is None else ", weighted by 1/π")
