"""Ratios of two sums, and quantiles such as the p95 latency; users are the units, not requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, sqrt
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from fairtrial.domain.estimates import NotEnough
from fairtrial.domain.promises import MIN_UNITS
from fairtrial.stats.arguments import Bounds
from fairtrial.stats.arms.means import difference, too_few_in_arm
from fairtrial.stats.effects import Effect
from fairtrial.stats.intervals import quantile
from fairtrial.stats.paired.clustered import cluster_sums
from fairtrial.stats.sums import (
    BOUND_ROUNDING as NEAR,
    CAP,
    ROUNDING,
    JointMoments,
    check_bounds,
    unbounded,
    unseen_squares,
)

__all__ = [
    "QuantileSums",
    "quantile_difference",
    "quantile_level",
    "quantile_ranks",
    "ratio",
    "ratio_difference",
]

SHARE: Bounds = (0.0, 1.0)
LEVEL = 0.95
EDGE = 1e-9
"""Makes 0.95 · 100 equal 95, and not the next whole number."""

BEYOND = 20
"""Values required on each side of a quantile; with fewer, its neighbours are the extremes. p99 needs 2,000."""


def ratio(arm: JointMoments, *, cap: float | None = CAP, within: Bounds | None = SHARE) -> Effect | NotEnough:
    """Σx / Σy of one arm by the delta method, on the scale of x per y.

    For each user (or tenant) in ``arm``, x and y are the sums of numerator and denominator, such as thumbs up and all
    thumbs. V = Σ(x − R y)² · K/(K − 1) / (Σy)² over K users. This equals a regression's cluster-robust variance with
    the same correction. Count only users with y > 0. The degrees of freedom are K − 1. Returns `NotEnough` below two
    users, or if the sum of the denominators is not above 0.

    ``cap`` is the largest y of a user (`capped_requests`), and ``within`` is the range of one user's x/y, (0, 1) for a
    share. Both are frozen, and repeated looks need both. The variance of each end (``unseen``) includes three users
    with y = ``cap`` at the bound on that side. The arm may have such users without having shown them. ``not_yet`` rules
    out such a look without them, or while (Σy)²/Σy² is below 30. That is the effective number of users: how many an arm
    with equal users would have. Raises `ValueError` for sums that no such users can have.

    Source: Deng, Knoblich & Lu (2018), KDD, arXiv:1803.06336; Liang & Zeger (1986), Biometrika 73:13-22; Kish (1965),
    Survey Sampling, for (Σy)²/Σy².

    >>> from fairtrial.stats.effects import fixed
    >>> print(fixed(ratio(JointMoments.of([1, 4, 2, 6], [2, 5, 4, 9]))))
    0.65 (0.4631 to 0.8369; 95 %, n = 4, ratio by user)
    """
    _check(arm, cap, within)
    if arm.n < 2:
        return NotEnough(f"{arm.n} users can't show how much they vary", "2 users or more in each arm", arm.n)
    if arm.y <= 0:
        return NotEnough("the denominators do not sum to more than 0", "users with a denominator above 0", arm.n)
    level = arm.x / arm.y
    parts = arm.xx, 2 * level * arm.xy, level**2 * arm.yy
    left = parts[0] - parts[1] + parts[2]
    squares = left if left > ROUNDING * max(parts) else 0.0
    each = arm.n / (arm.n - 1) / arm.y**2
    early = too_few_in_arm(arm.n, units="users") or few_equal(arm)
    if cap is None or within is None:
        early = early or unbounded(arm.n, what="what one user counts for")
        return Effect(level, squares * each, arm.n, "ratio by user", arm.n - 1, early)
    low, high = (square * each for square in unseen_squares(level, within, size=cap))
    variance, freedom = squares * each, arm.n - 1
    return Effect(level, variance, arm.n, "ratio by user", freedom, early, within=within, unseen=(low, high))


def ratio_difference(
    control: JointMoments,
    treatment: JointMoments,
    *,
    cap: float | None = CAP,
    within: Bounds | None = SHARE,
    scale: float = 1.0,
) -> Effect | NotEnough:
    """The difference of two ratios of sums, treatment − ``scale`` · control, with users as units.

    Arms, units, ``cap``, ``within`` and `NotEnough` are as in `ratio`. The degrees of freedom are Welch's, which never
    exceed K − 2 and matter below about thirty users in an arm. With y = 1 for all and a cap of 1, the result is that of
    `mean_difference`.

    Source: Deng, Knoblich & Lu (2018), KDD, arXiv:1803.06336.

    >>> from fairtrial.stats.effects import fixed
    >>> control = JointMoments.of([1, 4, 2, 6], [2, 5, 4, 9])
    >>> print(fixed(ratio_difference(control, JointMoments.of([2, 5, 3, 8], [2, 6, 4, 10]))))
    0.1682 (-0.007907 to 0.3443; 95 %, n = 8, difference of ratios by user)
    """
    levels = (ratio(arm, cap=cap, within=within) for arm in (control, treatment))
    return difference(*levels, method="difference of ratios by user", scale=scale)


def few_equal(arm: JointMoments) -> NotEnough | None:
    """Why a look can't decide while a few users send most of the requests; ``None`` if it can."""
    equal = arm.y**2 / arm.yy
    if equal >= MIN_UNITS:
        return None
    reason = f"few users send most of the requests: they weigh as much as {equal:.3g} equal users"
    return NotEnough(reason, f"users who weigh as much as {MIN_UNITS} equal users in each arm, or a lower cap", arm.n)


def _check(arm: JointMoments, cap: float | None, within: Bounds | None) -> None:
    """Raise `ValueError` for sums that no users within the cap and the bounds can have."""
    if cap is not None and not (cap > 0 and arm.yy <= cap * arm.y * (1 + NEAR)):
        raise ValueError(f"a user exceeds the cap of {cap:g}: cap the requests before summing")
    if within is None:
        return
    check_bounds(within)
    low, high = within
    size = arm.xx + (abs(low) + abs(high)) * abs(arm.xy) + abs(low * high) * arm.yy
    inside = (low + high) * arm.xy - arm.xx - low * high * arm.yy
    near = NEAR * max(abs(low), abs(high)) * abs(arm.y)
    if inside < -NEAR * size or not low * arm.y - near <= arm.x <= high * arm.y + near:
        raise ValueError(f"a user's ratio is not between {low:g} and {high:g}")


@dataclass(frozen=True, slots=True)
class QuantileSums:
    """The data for quantile ``nu`` of one arm. Unlike other sums, two of them can't be added.

    ``value``, ``lower`` and ``upper`` are the values at the ranks of `quantile_ranks`, on the metric's scale. A failure
    counts as +inf, so they are infinite where a failure has that rank. ``users`` has for each user x = the number of
    values that are at most ``value``, and y = the number of all values. ``step`` is the step to which the values are
    rounded (1 for tokens or whole milliseconds).

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
            raise ValueError(f"{self.users.x:g} of {self.users.y:g} values can't be at most the quantile")

    @classmethod
    def of(cls, values: ArrayLike, users: Sequence[str] | None, nu: float, *, step: float = 0.0) -> Self:
        """Builds the data from values (+inf for a failure) and the user of each (``None``: one user per value)."""
        numbers = np.asarray(values, dtype=np.float64).ravel()
        if len(numbers) == 0 or np.isnan(numbers).any() or (numbers == -inf).any():
            raise ValueError("a quantile needs values, each a number or +inf")
        if users is not None and len(users) != len(numbers):
            raise ValueError(f"{len(numbers)} values can't have {len(users)} users: give one for each")
        ranks = np.array(quantile_ranks(len(numbers), nu)) - 1
        lower, value, upper = (float(at) for at in np.partition(numbers, ranks)[ranks])
        below = cluster_sums((numbers <= value).astype(np.float64), users)
        return cls(nu, value, lower, upper, JointMoments.of(below, cluster_sums(np.ones(len(numbers)), users)), step)


def quantile_ranks(n: int, nu: float) -> tuple[int, int, int]:
    """The ranks, from 1, of the values below, at and above quantile ``nu`` among ``n`` sorted values.

    A database can select the values by these ranks. The middle rank is the inverse of the empirical distribution,
    ⌈n ν⌉. The others are n ν ∓ 1.96 √(n ν (1 − ν)), rounded outwards and limited to the range from 1 to n. Raises
    `ValueError` without a value.

    Source: Conover (1999), Practical Nonparametric Statistics, on intervals of a quantile.

    >>> quantile_ranks(4000, 0.95)
    (3772, 3800, 3828)
    """
    if n < 1 or not 0 < nu < 1:
        raise ValueError(f"{n} values have no quantile {nu}")
    half = quantile(LEVEL) * sqrt(n * nu * (1 - nu))
    low, high = floor(n * nu - half), ceil(n * nu + half)
    return max(1, low), max(1, ceil(n * nu - EDGE)), min(n, high)


def quantile_level(arm: QuantileSums) -> Effect | NotEnough:
    """The quantile of one arm, with a variance that accounts for correlation within users, on the metric's scale.

    V = ((upper − lower + step) / (2 · 1.96))² times the design effect. The distance between the order statistics
    estimates the density of the values there. The design effect compares the variance by user of p, the share of values
    at most the quantile, with p(1 − p)/n. It estimates the correlation within users and is at least 1. ``n`` of the
    `Effect` counts users, and the degrees of freedom are K − 1 for K users.

    Returns `NotEnough` below twenty values on either side of the quantile (2,000 values for p99). It also does so where
    the quantile does not exist because of many failures, or where no value lies above it. The same applies where the
    values beside it are equal and no ``step`` is given.

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
    variance = (apart / (2 * quantile(LEVEL))) ** 2 * max(1.0, counted.variance * n / (share * (1 - share)))
    users = arm.users.n
    early = too_few_in_arm(users, units="users") or few_equal(arm.users)
    return Effect(arm.value, variance, users, f"{name} by user", counted.freedom, early)


def quantile_difference(control: QuantileSums, treatment: QuantileSums, *, scale: float = 1.0) -> Effect | NotEnough:
    """The difference of a quantile between two arms, treatment − ``scale`` · control, on the metric's scale.

    Use it for latencies with failures at +inf, so that an arm can't win by losing its slow requests. For
    `always_valid`, take τ from historical data, such as a tenth of control's quantile before the experiment. Never take
    it from the data being judged. Returns `NotEnough` as in `quantile_level`; raises `ValueError` for two different
    quantiles.

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
