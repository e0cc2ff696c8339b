"""Costs and tokens: the amounts, capped at a fixed limit, and the number of units above it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.cuped import cuped_difference
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.effects import Effect
from fairtrial.stats.sums import Bounds, JointMoments, Moments, Successes, check_within, finite_values

__all__ = ["Amounts", "amount_difference"]


@dataclass(frozen=True, slots=True)
class Amounts:
    """One amount per unit, such as its cost: Σx and Σx² of min(x, ``limit``), and the units ``above`` the limit.

    ``limit`` is on the metric's scale and is frozen when the experiment starts. It is what a unit should never cost, or
    a high quantile of historical data. It never comes from the data being judged, because a model that runs away would
    move it. Each unit's amount covers a complete window, which has the same length for all units. In SQL:
    ``least(x, limit)`` and ``x > limit``. Raises `ValueError` for amounts below 0, for sums that no such units can
    have, and for arms or parts with different limits.

    An amount above the limit counts as the limit, so no result shows by how much it exceeds the limit. ``with_earlier``
    has for each unit its capped amount and its capped amount from before the experiment, if these are known.

    Source: Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, on capping metrics.

    >>> Amounts.of([1, 2, 3, 90], limit=6)
    Amounts(capped=Moments(n=4, x=12.0, xx=50.0), above=1, limit=6.0)
    """

    capped: Moments
    above: int
    limit: float
    with_earlier: JointMoments | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _check(self.limit)
        check_within(self.capped, self.within)
        if not 0 <= self.above <= self.capped.n or self.above * self.limit > self.capped.x * (1 + 1e-9):
            raise ValueError(f"{self.above} of {self.capped.n} units can't be above {self.limit:g} with these sums")
        if self.with_earlier is not None and self.with_earlier.n != self.capped.n:
            raise ValueError(
                f"{self.with_earlier.n} of {self.capped.n} units have an earlier amount; give one for each"
            )

    @classmethod
    def of(cls, amounts: ArrayLike, *, limit: float, earlier: ArrayLike | None = None) -> Self:
        """The sums of one amount per unit; raises `ValueError` for an amount below 0 or not finite.

        ``earlier``: each unit's amount before the experiment, or what stands for it.
        """
        _check(limit)
        found, before = finite_values(amounts), None if earlier is None else finite_values(earlier)
        if (found < 0).any() or (before is not None and (before < 0).any()):
            raise ValueError("an amount must be 0 or more")
        capped = np.minimum(found, limit)
        both = None if before is None else JointMoments.of(capped, np.minimum(before, limit))
        return cls(Moments.of(capped), int(np.count_nonzero(found > limit)), float(limit), both)

    def __add__(self, other: Self) -> Self:
        self.check_same(other)
        one, two = self.with_earlier, other.with_earlier
        both = None if one is None or two is None else one + two
        return type(self)(self.capped + other.capped, self.above + other.above, self.limit, both)

    @property
    def within(self) -> Bounds:
        """The possible range of a capped amount."""
        return 0.0, self.limit

    @property
    def share_above(self) -> Successes:
        """The number of units above the limit, and of all units."""
        return Successes(self.capped.n, self.above)

    def check_same(self, other: Amounts) -> None:
        """Raise `ValueError` unless both have the same limit."""
        if self.limit != other.limit:
            raise ValueError(f"amounts with the limits {self.limit:g} and {other.limit:g} can't be combined")


def amount_difference(control: Amounts, treatment: Amounts, *, scale: float = 1.0) -> Effect | NotEnough:
    """The difference of the means of capped amounts, treatment − ``scale`` · control.

    What the earlier amounts explain is taken off where both arms have them.

    Source: as `cuped_difference` and `mean_difference`.

    >>> arm = Amounts.of([1, 2, 3, 90], limit=6, earlier=[1, 2, 4, 9])
    >>> amount_difference(arm, arm).method
    'difference of means, CUPED took off 94.9 % of the variance'
    """
    one, other = control.with_earlier, treatment.with_earlier
    if one is not None and other is not None:
        return cuped_difference(one, other, within=control.within, scale=scale)
    return mean_difference(control.capped, treatment.capped, within=control.within, scale=scale)


def _check(limit: float) -> None:
    if not 0 < limit < inf:
        raise ValueError(f"the limit must be a number above 0, not {limit}")
