"""Effects that fade: where the line through effects of equal times leads, and how often a steady one seems to fade."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

__all__ = ["line_ahead", "seems_to_fade"]

LEAST = 2
"""The times through which a line can be drawn."""


def line_ahead(effects: Sequence[tuple[float, float] | None]) -> float | None:
    """The value that a straight line through these effects has one step after the last one.

    Each effect is a value with its weight, such as its number of units; ``None`` is a time without one. The line has
    the least weighted squares. Returns ``None`` below two effects.

    Source: Draper & Smith (1998), Applied Regression Analysis, weighted least squares; Kohavi, Tang & Xu (2020),
    Trustworthy Online Controlled Experiments, on novelty effects.

    >>> round(line_ahead([(0.12, 500), (0.06, 500)]), 6), round(line_ahead([(0.12, 500), None, (0.06, 500)]), 6)
    (0.0, 0.03)
    """
    known = [(float(at), *one) for at, one in enumerate(effects) if one is not None]
    if len(known) < LEAST:
        return None
    total = sum(weight for _, _, weight in known)
    middle = sum(weight * at for at, _, weight in known) / total
    mean = sum(weight * value for _, value, weight in known) / total
    slope = sum(weight * (at - middle) * (value - mean) for at, value, weight in known)
    slope /= sum(weight * (at - middle) ** 2 for at, _, weight in known)
    return mean + slope * (len(effects) - middle)


def seems_to_fade(strength: float, times: int) -> float:
    """At most with this probability, a steady effect is below 0 at the last of equal times, or one step ahead.

    ``strength``: the effect over all times as a multiple of its standard error. The probability is the sum of those of
    the two events, for independent normal effects of equal precision.

    Source: Draper & Smith (1998), the variance of a prediction by a line.

    >>> [round(seems_to_fade(3.5, weeks), 3) for weeks in (2, 4, 8)]
    [0.141, 0.117, 0.164]
    """
    if times < LEAST:
        return 0.0
    last, ahead = 1.0, 1 / times + 3 * (times + 1) / (times * (times - 1))
    normal = NormalDist()
    return min(1.0, sum(normal.cdf(-strength / sqrt(times * variance)) for variance in (last, ahead)))
