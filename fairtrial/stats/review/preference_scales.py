"""Converts a win rate to other common scales: net preference and Elo difference."""

from __future__ import annotations

from dataclasses import replace
from math import inf, log10

from fairtrial.domain.estimates import Estimate, NotEnough

__all__ = ["elo_gap", "net_preference"]

PER_DECADE = 400.0
"""Points at which the odds are ten to one."""


def net_preference(rate: Estimate | NotEnough) -> Estimate | NotEnough:
    """(W − L)/n in [−1, 1]: the share of wins minus the share of losses, 2 w − 1 for a win rate ``rate``.

    Ties count half in the win rate, so here they count for neither. The interval is that of the win rate on this scale,
    at the same level. Returns `NotEnough` if there is no win rate.

    Source: Buyse (2010), Statistics in Medicine 29:3245-3257, who calls it the net benefit.

    >>> print(net_preference(Estimate(0.625, 0.47, 0.756, 0.9, 24, "win rate")))
    0.25 (-0.06 to 0.512; 90 %, n = 24, net preference from the win rate)
    """
    if isinstance(rate, NotEnough):
        return rate
    value, low, high = (2 * share - 1 for share in (rate.value, rate.low, rate.high))
    return replace(rate, value=value, low=low, high=high, method=f"net preference from the {rate.method}")


def elo_gap(rate: Estimate | NotEnough) -> Estimate | NotEnough:
    """The Elo rating gap, in points, at which a win rate ``rate`` is the expected score: 400 log₁₀(w / (1 − w)).

    The gap is above 0 if the candidate is preferred; 100 points correspond to 64 %. The interval is that of the win
    rate on this scale, at the same level. A bound is infinite if that of the win rate is 0 or 1. Returns `NotEnough` if
    there is no win rate, or if it is 0 or 1, because then no gap is large enough.

    Source: Elo (1978), The Rating of Chessplayers, Past and Present, with the logistic curve that is usual today.

    >>> print(elo_gap(Estimate(0.625, 0.47, 0.756, 0.9, 24, "win rate")))
    88.74 (-20.87 to 196.5; 90 %, n = 24, Elo gap from the win rate)
    """
    if isinstance(rate, NotEnough):
        return rate
    if not 0 < rate.value < 1:
        return NotEnough("every vote goes one way, which no gap of ratings explains", "a vote for the other", rate.n)
    value, low, high = (_points(share) for share in (rate.value, rate.low, rate.high))
    return replace(rate, value=value, low=low, high=high, method=f"Elo gap from the {rate.method}")


def _points(share: float) -> float:
    if share <= 0:
        return -inf
    return inf if share >= 1 else PER_DECADE * log10(share / (1 - share))
