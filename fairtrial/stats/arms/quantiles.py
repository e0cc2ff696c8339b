"""Quantiles such as the p95 of latency, with users as units: from order statistics and sums by user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, sqrt
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.contrasts import difference, few
from fairtrial.stats.arms.ratios import few_equal, ratio
from fairtrial.stats.effects import Effect
from fairtrial.stats.intervals import quantile
from fairtrial.stats.paired.clustered import cluster_sums
from fairtrial.stats.sums import JointMoments

__all__ = ["QuantileSums", "quantile_difference", "quantile_level", "quantile_ranks"]

Z = quantile(0.95)
EDGE = 1e-9
"""So that 0.95 · 100 is 95 and not the next whole number."""

BEYOND = 20
"""Values on each side of a quantile; with fewer, the order statistics beside it are the extremes. p99 needs 2,000."""


@dataclass(frozen=True, slots=True)
class QuantileSums:
    """What the quantile ``nu`` of one arm is reasoned from; unlike sums, those of two parts can't be added.

    ``value``, ``lower``, ``upper``: the values at the ranks of `quantile_ranks`, on the metric's scale; infinite where
    a failure, which counts as +inf, stands there. ``users``: for each user x = how many values are at most ``value``
    and y = how many there are. ``step``: to what the values are rounded (1 for tokens or whole milliseconds).

    Source: Deng, Knoblich & Lu (2018), KDD, arXiv:1803.06336, section 4.2.

    >>> sums = QuantileSums.of([1.0, 2.0, 3.0, 4.0, 9.0], ["a", "a", "b", "b", "c"], nu=0.5)
    >>> sums.value, sums.users
    (3.0, JointMoments(n=3, x=3.0, y=5.0, xx=5.0, yy=9.0, xy=6.0))
    """

    nu: float
    value: float
    lower: float
    upper: float
    users: JointMoments
    step: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.nu < 1 and 0 <= self.step < inf and self.lower <= self.value <= self.upper):
            raise ValueError("a quantile needs 0 < nu < 1, lower <= value <= upper and a step of 0 or more")
        if self.users.n and not 0 < self.users.x <= self.users.y:
            raise ValueError(f"of {self.users.y:g} values {self.users.x:g} can't be at most the quantile")

    @classmethod
    def of(cls, values: ArrayLike, users: Sequence[str] | None, nu: float, *, step: float = 0.0) -> Self:
        """From one or more values, +inf for a failure, and the user of each (``None``: each its own); not for none."""
        found = np.asarray(values, dtype=np.float64).ravel()
        if len(found) == 0 or np.isnan(found).any() or (found == -inf).any():
            raise ValueError("a quantile needs values, each a number or +inf")
        if users is not None and len(users) != len(found):
            raise ValueError(f"{len(found)} values can't have {len(users)} users")
        ranks = np.array(quantile_ranks(len(found), nu)) - 1
        lower, value, upper = (float(at) for at in np.partition(found, ranks)[ranks])
        below = cluster_sums((found <= value).astype(np.float64), users)
        return cls(nu, value, lower, upper, JointMoments.of(below, cluster_sums(np.ones(len(found)), users)), step)


def quantile_ranks(n: int, nu: float) -> tuple[int, int, int]:
    """Which of ``n`` values in ascending order, counted from 1, a database must pick: below, at and above ``nu``.

    The middle one is the inverse of the empirical distribution, ⌈n ν⌉; the others are n ν ∓ 1.96 √(n ν (1 − ν)),
    rounded outwards and kept within 1 and n. `ValueError` without a value.

    Source: Conover (1999), Practical Nonparametric Statistics, on intervals of a quantile.

    >>> quantile_ranks(4000, 0.95)
    (3772, 3800, 3828)
    """
    if n < 1 or not 0 < nu < 1:
        raise ValueError(f"{n} values have no quantile {nu}")
    half = Z * sqrt(n * nu * (1 - nu))
    low, high = floor(n * nu - half), ceil(n * nu + half)
    return max(1, low), max(1, ceil(n * nu - EDGE)), min(n, high)


def quantile_level(arm: QuantileSums) -> Effect | NotEnough:
    """The quantile of one arm with a variance that knows of users, on the metric's scale.

    V = ((upper − lower + step) / (2 · 1.96))² times the design effect: how far apart the order statistics lie tells
    how dense the values are there; how much more the share p at most the quantile varies by user than p(1 − p)/n
    tells what users share (1 at least). ``n`` of the `Effect` counts users; freedom K − 1. `NotEnough` below twenty
    values on either side of the quantile (2,000 values for p99), where so many failed that it does not exist, where
    no value lies above it, or where the values beside it are equal and no ``step`` is given.

    Source: Deng, Knoblich & Lu (2018), KDD, arXiv:1803.06336, section 4.2, the outer interval with post-adjustment;
    Yao, Li & Lu (2024), arXiv:2401.14549, algorithm 1; Kish (1965), Survey Sampling, for the design effect.

    >>> from fairtrial.stats.effects import fixed
    >>> seconds = [0.5 + 0.01 * (i * 37 % 100) for i in range(400)]
    >>> print(fixed(quantile_level(QuantileSums.of(seconds, [str(i // 4) for i in range(400)], 0.5))))
    0.99 (0.9394 to 1.041; 95 %, n = 100, p50 by user)
    """
    counted = ratio(arm.users, cap=None, within=None)
    if isinstance(counted, NotEnough):
        return counted
    n, name = arm.users.y, f"p{100 * arm.nu:g}"
    tail = n * min(arm.nu, 1 - arm.nu)
    if tail < BEYOND - EDGE:
        least = ceil(BEYOND / min(arm.nu, 1 - arm.nu) - EDGE)
        return NotEnough(f"{n:,.0f} values are too few for the {name}", f"{least:,} values in each arm", arm.users.n)
    if arm.upper == inf or arm.lower == inf:
        reason = f"so many failed that the {name} {'does not exist' if arm.value == inf else 'has no upper bound'}"
        return NotEnough(reason, "fewer failures, or a lower quantile", arm.users.n)
    apart, share = arm.upper - arm.lower + arm.step, counted.value
    if share >= 1:
        return NotEnough(f"no value lies above the {name}", "a lower quantile, or values without a cap", arm.users.n)
    if apart <= 0:
        return NotEnough(f"the values beside the {name} are equal", "the step that they are rounded to", arm.users.n)
    variance = (apart / (2 * Z)) ** 2 * max(1.0, counted.variance * n / (share * (1 - share)))
    users = arm.users.n
    early = few(users, units="users") or few_equal(arm.users)
    return Effect(arm.value, variance, users, f"{name} by user", counted.freedom, early)


def quantile_difference(control: QuantileSums, treatment: QuantileSums, *, scale: float = 1.0) -> Effect | NotEnough:
    """The difference of a quantile between two arms, treatment − ``scale`` · control, on the metric's scale.

    Of latencies with failures at +inf, so that an arm can't win by losing its slow requests. For `always_valid` take
    τ from history, such as a tenth of the control's quantile before the experiment, never from the data being judged.
    `NotEnough` as in `quantile_level`; `ValueError` for two different quantiles.

    Source: Deng, Knoblich & Lu (2018), KDD, arXiv:1803.06336.

    >>> from fairtrial.stats.effects import fixed
    >>> seconds = [0.5 + 0.01 * (i * 37 % 100) for i in range(400)]
    >>> arms = (QuantileSums.of([slower * s for s in seconds], None, 0.95) for slower in (1, 1.2))
    >>> print(fixed(quantile_difference(*arms)))
    0.288 (0.2488 to 0.3272; 95 %, n = 800, difference of p95 by user)
    """
    if control.nu != treatment.nu:
        raise ValueError(f"the quantiles {control.nu} and {treatment.nu} can't be compared")
    method = f"difference of p{100 * control.nu:g} by user"
    return difference(quantile_level(control), quantile_level(treatment), method=method, scale=scale)
