"""Sufficient statistics: what a database can sum and what statistics can reason from, frozen values that add."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import isfinite
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["JointMoments", "Moments", "Successes"]

ROUNDING = 1e-12
"""Below this share of Σx² what is left of it is rounding, not variance."""


@dataclass(frozen=True, slots=True)
class Successes:
    """``n`` units of which ``successes`` had the event, each unit counted once.

    >>> Successes(n=100, successes=7) + Successes(n=50, successes=5)
    Successes(n=150, successes=12)
    """

    n: int
    successes: int

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.n:
            raise ValueError(f"{self.successes} successes can't be among {self.n} units")

    def __add__(self, other: Self) -> Self:
        return type(self)(self.n + other.n, self.successes + other.successes)

    @property
    def rate(self) -> float:
        """The share of units with the event; `ValueError` without a unit."""
        if self.n == 0:
            raise ValueError("no unit has no rate")
        return self.successes / self.n


@dataclass(frozen=True, slots=True)
class Moments:
    """One value for each of ``n`` units: Σx and Σx², on the metric's own scale.

    `ValueError` for sums that no values have.

    >>> Moments.of([1.0, 2.0, 6.0])
    Moments(n=3, x=9.0, xx=41.0)
    """

    n: int
    x: float
    xx: float

    def __post_init__(self) -> None:
        _check(self.n, self.x, self.xx, squares=(self.xx,))

    @classmethod
    def of(cls, values: ArrayLike) -> Self:
        """The moments of values, one a unit; raises `ValueError` for one that is not finite."""
        x = finite_values(values)
        with np.errstate(over="ignore"):
            return cls(len(x), float(x.sum()), float(x @ x))

    def __add__(self, other: Self) -> Self:
        return type(self)(self.n + other.n, self.x + other.x, self.xx + other.xx)

    @property
    def mean(self) -> float:
        """Σx / n; `ValueError` without a unit."""
        if self.n == 0:
            raise ValueError("no unit has no mean")
        return self.x / self.n

    @property
    def variance(self) -> float:
        """The sample variance with n − 1; 0 below two units, and where all values are equal.

        0 too where values differ by less than a millionth of their size, which sums of squares can't tell from
        rounding: subtract what they have in common first.
        """
        return _spread(self.n, self.x, self.x, self.xx, self.xx)


@dataclass(frozen=True, slots=True)
class JointMoments:
    """Two values for each of ``n`` units: their sums, squares and product.

    What they are depends on the method: numerator and denominator of a ratio, the metric and the same before the
    experiment (CUPED), an expert's mark and a judge's (PPI++). `ValueError` for sums that no values have.

    >>> JointMoments.of([1.0, 2.0], [3.0, 5.0])
    JointMoments(n=2, x=3.0, y=8.0, xx=5.0, yy=34.0, xy=13.0)
    """

    n: int
    x: float
    y: float
    xx: float
    yy: float
    xy: float

    def __post_init__(self) -> None:
        _check(self.n, self.x, self.y, self.xx, self.yy, self.xy, squares=(self.xx, self.yy))

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike) -> Self:
        """The moments of two values a unit; raises `ValueError` unless they are finite and as many."""
        one, other = finite_values(x), finite_values(y)
        if len(one) != len(other):
            raise ValueError(f"{len(one)} and {len(other)} values can't be two for each unit")
        with np.errstate(over="ignore"):
            sums = float(one.sum()), float(other.sum())
            return cls(len(one), *sums, float(one @ one), float(other @ other), float(one @ other))

    def __add__(self, other: Self) -> Self:
        return type(self)(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def first(self) -> Moments:
        """The first value alone."""
        return Moments(self.n, self.x, self.xx)

    @property
    def second(self) -> Moments:
        """The second value alone."""
        return Moments(self.n, self.y, self.yy)

    @property
    def covariance(self) -> float:
        """The sample covariance with n − 1; 0 below two units."""
        return _spread(self.n, self.x, self.y, self.xy, (self.xx * self.yy) ** 0.5, signed=True)


def _check(n: int, *sums: float, squares: tuple[float, ...]) -> None:
    if n < 0 or min(squares) < 0 or not all(isfinite(one) for one in sums):
        raise ValueError(f"{n} units can't have the sums {sums}: they are finite, those of squares 0 or more")


def _spread(n: int, x: float, y: float, xy: float, size: float, *, signed: bool = False) -> float:
    """(Σxy − Σx Σy / n) / (n − 1), without what is only rounding."""
    if n < 2:
        return 0.0
    left = xy - x * y / n
    if abs(left) <= ROUNDING * abs(size):
        return 0.0
    return (left if signed else max(0.0, left)) / (n - 1)


def finite_values(values: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The values as one row of floats; raises `ValueError` for one that is not finite."""
    found = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(found).all():
        raise ValueError("a value is not a finite number; leave units without a value out, and say how many")
    return found
