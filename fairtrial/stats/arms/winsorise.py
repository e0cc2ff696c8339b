"""Values above a limit count as the limit, so that one runaway user can't decide an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arguments import check_finite
from fairtrial.stats.sums import finite_values

__all__ = ["Winsorised", "winsor_limit", "winsorise"]

SHARE = 0.999
EDGE = 1e-9
"""So that 0.999 · 1000 is 999 and not the next whole number."""


@dataclass(frozen=True, slots=True, eq=False)
class Winsorised:
    """Values of which none is above ``limit``; ``cut`` of them were.

    Source: as `winsorise`.

    >>> Winsorised(values=np.array([1.0, 5.0]), limit=5.0, cut=1).cut
    1
    """

    values: NDArray[np.float64]
    limit: float
    cut: int


def winsor_limit(*arms: ArrayLike, share: float = SHARE) -> float | NotEnough:
    """The value that ``share`` of the units of all arms together do not exceed: the limit, to be stored.

    One limit for all arms, on the metric's scale; take it once (from history, or at the first look) and keep it, or
    each look would judge another metric. Below 1/(1 − share) units it is the largest value and cuts nothing.
    `NotEnough` without a unit; `ValueError` for a value that is not finite.

    Source: Tukey (1962), The Future of Data Analysis, Annals of Mathematical Statistics 33:1-67.

    >>> winsor_limit([1, 2, 3, 4, 90], [2, 3, 4, 5, 6], share=0.9)
    6.0
    """
    if not 0 < share <= 1:
        raise ValueError(f"{share} is no share of the units")
    pooled = finite_values(np.concatenate([np.asarray(arm, dtype=np.float64).ravel() for arm in arms]) if arms else ())
    if len(pooled) == 0:
        return NotEnough("there is no unit", "one unit or more")
    rank = max(1, ceil(len(pooled) * share - EDGE))
    return float(np.partition(pooled, rank - 1)[rank - 1])


def winsorise(values: ArrayLike, limit: float) -> Winsorised:
    """Each value, or the limit if that is smaller; says how many were cut. In SQL: ``least(x, limit)``.

    Winsorising changes what is estimated: the mean of min(x, limit). `ValueError` for a value or a limit that is not
    finite.

    Source: Tukey (1962), Annals of Mathematical Statistics 33:1-67; Kohavi, Tang & Xu (2020), Trustworthy Online
    Controlled Experiments, on capping metrics.

    >>> found = winsorise([1, 2, 3, 90], limit=6)
    >>> found.values.tolist(), found.cut
    ([1.0, 2.0, 3.0, 6.0], 1)
    """
    check_finite(limit, what="the limit")
    found = finite_values(values)
    return Winsorised(np.minimum(found, limit), float(limit), int(np.count_nonzero(found > limit)))
