"""Tango's interval of paired proportions: its coverage by exact enumeration, no simulation."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
from numpy.random import Generator
from scipy.special import gammaln, xlogy

from benchmarks.trials.trial import Floats, Measures, Target, Trial
from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.intervals import tango

SIZES = (40, 60, 100, 150, 400)
DISCORDANCE = (0.15, 0.2, 0.3, 0.4)
RARE = (0.05, 0.1)
"""Six discordant cases or fewer at the smallest sizes: coverage then depends on which whole numbers can occur."""
DIFFERENCES = (0.0, 0.05, 0.1)
NEGLIGIBLE = 1e-10
"""Outcomes rarer than this are left out, and counted as not covered."""


def coverage(_: Generator, __: int) -> Measures:
    """The chance that the interval holds the true difference, for each size, discordance and difference."""
    return {
        "coverage": np.array([covered(*case, level=0.95) for case in product(SIZES, DISCORDANCE, DIFFERENCES)]),
        "rare": np.array([covered(*case, level=0.95) for case in product(SIZES, RARE, DIFFERENCES[:2])]),
        "lower": np.array([overstated(*case) for case in product(SIZES, DISCORDANCE, (-0.1, -0.05, 0.0))]),
    }


def covered(n: int, discordance: float, delta: float, *, level: float) -> float:
    """The sum of the trinomial chances of all (won, lost) whose interval holds ``delta``."""
    won, lost, chance = outcomes(n, discordance, delta)
    holds = [low <= delta <= high for low, high in (bounds(*pair, n, level) for pair in zip(won, lost, strict=True))]
    return float(chance @ np.array(holds))


def overstated(n: int, discordance: float, delta: float) -> float:
    """The chance that the lower bound that non-inferiority reads (one-sided 95 %) is above the true difference."""
    won, lost, chance = outcomes(n, discordance, delta)
    wrong = [bounds(*pair, n, 0.90)[0] > delta for pair in zip(won, lost, strict=True)]
    return float(chance @ np.array(wrong))


def outcomes(n: int, discordance: float, delta: float) -> tuple[list[int], list[int], Floats]:
    """All (won, lost) that are not negligible, with their chances."""
    won, lost = (grid.ravel() for grid in np.indices((n + 1, n + 1)))
    inside = won + lost <= n
    won, lost = won[inside], lost[inside]
    ways = gammaln(n + 1) - gammaln(won + 1) - gammaln(lost + 1) - gammaln(n - won - lost + 1)
    logs = xlogy(won, (discordance + delta) / 2) + xlogy(lost, (discordance - delta) / 2)
    chance = np.exp(ways + logs + xlogy(n - won - lost, 1 - discordance))
    likely = chance > NEGLIGIBLE
    return won[likely].tolist(), lost[likely].tolist(), chance[likely]


def bounds(won: int, lost: int, n: int, level: float) -> tuple[float, float]:
    """The library's interval; swapping the arms mirrors it, so half of them need not be sought."""
    if won >= lost:
        return of_more_won(won, lost, n, level)
    low, high = of_more_won(lost, won, n, level)
    return -high, -low


@cache
def of_more_won(won: int, lost: int, n: int, level: float) -> tuple[float, float]:
    found = tango(won, lost, n, level=level)
    assert not isinstance(found, NotEnough)
    return found.low, found.high


TRIALS = (
    Trial(
        "tango",
        "Coverage of a paired difference, exact",
        "n = 40, 60, 100, 150, 400; discordant 15, 20, 30, 40 % of the cases; difference 0, 5, 10 points",
        coverage,
        (
            Target("coverage", "tango, level 95 %: the least", at_least=0.94, of="least"),
            Target("coverage", "tango, level 95 %: the most", at_most=0.97, of="most"),
            Target("rare", "the same, discordant 5 and 10 %, difference 0, 5 points: the least", of="least"),
            Target("rare", "the same: the most", of="most"),
            Target("lower", "its one-sided 95 % bound is above a difference of 0, −5, −10: the most", of="most"),
        ),
        exact=True,
    ),
)
