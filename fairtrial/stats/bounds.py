"""The largest contribution of one unit, and the variance from unseen units at that bound."""

from __future__ import annotations

from math import isfinite

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.sums import Moments

__all__: list[str] = []

UNSEEN = 3.0
"""The number of unseen units at the bound that each arm is assumed to have. If none of n units is of a kind, the share
of that kind is below 3/n with 95 % confidence (Hanley & Lippman-Hand 1983, JAMA 249:1743-1745). The number was chosen
on 336 pairs of equal means, at 28 looks and splits of 50 and 90 %. The worst pair is called higher, or lower, in 6.2 %
(± 1) of the trials with two such units, and in 5.0 % (± 0.9) with three. Without any, it is called so in more than half
of them."""
ROUNDING = 1e-9

Bounds = tuple[float, float]


def check_bounds(within: Bounds) -> None:
    """Raise `ValueError` unless the bounds are finite and ascending."""
    low, high = within
    if not (isfinite(low) and isfinite(high) and low < high):
        raise ValueError(f"the bounds {low} and {high} must be two finite numbers, the lower one first")


def check_within(arm: Moments, within: Bounds) -> None:
    """Raise `ValueError` for sums that no values within the bounds can have: Σ(x − low)(high − x) would be below 0."""
    check_bounds(within)
    low, high = within
    slack = ROUNDING * (abs(arm.xx) + (abs(low) + abs(high)) * abs(arm.x) + abs(low * high) * arm.n)
    inside = (low + high) * arm.x - arm.xx - low * high * arm.n
    near = ROUNDING * max(abs(low), abs(high)) * arm.n
    if inside < -slack or not low * arm.n - near <= arm.x <= high * arm.n + near:
        raise ValueError(f"not all values lie within {low:g} and {high:g}: cap them before summing")


def unseen_squares(level: float, within: Bounds, *, size: float = 1.0) -> tuple[float, float]:
    """Σ(x − level · y)² of the unseen units, each with y = ``size``, at the lower bound and at the upper one."""
    low, high = within
    return UNSEEN * (size * max(0.0, level - low)) ** 2, UNSEEN * (size * max(0.0, high - level)) ** 2


def unbounded(n: int, *, what: str) -> NotEnough:
    """The reason why repeated looks can't decide: a single value may outweigh all others."""
    return NotEnough(f"{what} has no bound, so a unit not seen yet could reverse the result", "a frozen bound", n)
