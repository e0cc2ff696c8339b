"""Novelty effects: the slope of the effect over the days since users first saw the change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arguments import check_finite
from fairtrial.stats.effects import Effect, fixed

__all__ = ["Novelty", "novelty"]

MIN_DAYS = 3
"""Two days always lie on a line, so a slope needs a third one."""
FADED = 0.5


@dataclass(frozen=True, slots=True)
class Novelty:
    """The line fitted to the daily effects: its ``slope`` per day, and its values on the ``first`` and ``last`` day.

    ``fades`` is true if the slope's interval excludes 0, and the last effect is below half of the first or has the
    opposite sign.

    Source: as `novelty`.

    >>> days = [Effect(0.10 - 0.01 * day, 0.0001, n=400, method="difference") for day in range(8)]
    >>> found = novelty(range(8), days)
    >>> round(found.first, 4), round(found.last, 4), found.fades
    (0.1, 0.03, True)
    """

    slope: Estimate
    first: float
    last: float

    @property
    def fades(self) -> bool:
        """Whether the gate should note that the effect fades."""
        steady = self.slope.low <= 0 <= self.slope.high
        return not steady and self.first * self.last < FADED * self.first**2


def novelty(
    days: Sequence[float], effects: Sequence[Effect | NotEnough], *, level: float = 0.95
) -> Novelty | NotEnough:
    """The slope of the effect per day since first exposure, with each day weighted by the inverse of its variance.

    ``days`` are counted from each unit's first exposure, so they are not calendar days. ``effects`` are those of the
    units on that day. Days without an effect or without spread are left out. The slope is for one look and assumes that
    days are independent. Returns `NotEnough` below three distinct days.

    Where the same users return, what they share equally on all days cancels from the slope, so the interval is wider
    than necessary. What lasts only for some days makes it too narrow. For example, suppose that neighbouring days
    correlate by 0.5, and more distant ones less. The slope over 14 days then varies 1.5 times as much as its interval
    suggests.

    Source: Hedges & Olkin (1985), Statistical Methods for Meta-Analysis, the fixed-effect model with a moderator;
    Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, on novelty.

    >>> days = [Effect(0.10 - 0.01 * day, 0.0001, n=400, method="difference") for day in range(8)]
    >>> print(novelty(range(8), days).slope)
    -0.01 (-0.01302 to -0.006976; 95 %, n = 3,200, slope by day since first exposure)
    """
    if len(days) != len(effects):
        raise ValueError(f"{len(days)} days can't have {len(effects)} effects")
    check_finite(*days, what="days")
    told = [(d, e) for d, e in zip(days, effects, strict=True) if isinstance(e, Effect) and e.variance > 0]
    if len({d for d, _ in told}) < MIN_DAYS:
        return NotEnough(f"{len(told)} days with an effect show no slope", f"{MIN_DAYS} days or more", len(told))
    day = np.array([d for d, _ in told], dtype=np.float64)
    seen, weight = np.array([e.value for _, e in told]), np.array([1 / e.variance for _, e in told])
    middle, mean = weight @ day / weight.sum(), weight @ seen / weight.sum()
    moment = float(weight @ (day - middle) ** 2)
    slope = float(weight @ ((day - middle) * (seen - mean))) / moment
    n = sum(e.n for _, e in told)
    line = fixed(Effect(slope, 1 / moment, n, "slope by day since first exposure", inf), level=level)
    if isinstance(line, NotEnough):
        return line
    first, last = (float(mean + slope * (edge - middle)) for edge in (day.min(), day.max()))
    return Novelty(line, first, last)
