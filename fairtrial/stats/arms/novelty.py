"""Whether an effect fades as users get used to what is new: its slope over the days since they first saw it."""

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
"""Two days always lie on a line."""
FADED = 0.5


@dataclass(frozen=True, slots=True)
class Novelty:
    """The line through the effects of each day: its ``slope`` per day, and what it says of the ``first`` and ``last``.

    ``fades``: the slope's interval excludes 0 and the last is less than half of the first, or turned against it.

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
        """Whether it is worth a note on the gate."""
        steady = self.slope.low <= 0 <= self.slope.high
        return not steady and self.first * self.last < FADED * self.first**2


def novelty(
    days: Sequence[float], effects: Sequence[Effect | NotEnough], *, level: float = 0.95
) -> Novelty | NotEnough:
    """The slope of the effect per day since first exposure, each day weighted by the inverse of its variance.

    ``days`` since each unit's first exposure (not of the calendar), ``effects`` of the units on that day of theirs;
    days that have no effect, or show no spread, are left out. The slope is for one look and assumes that days are
    independent. Where the same users come back, what they share on all days alike cancels from the slope and the
    interval is wide; but what lasts for some days makes it narrow: if neighbouring days correlate by 0.5, and others
    the less the farther apart they are, the slope of 14 days varies 1.5 times as much as it says.
    `NotEnough` below three days that differ.

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
