"""Costs and tokens, capped at a fixed limit, and CUPED, by which pre-experiment data narrow the interval."""

from dataclasses import dataclass, field
from math import inf, sqrt
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from fairtrial.domain.estimates import NotEnough
from fairtrial.domain.promises import MIN_IN_ARM
from fairtrial.stats import sums
from fairtrial.stats.arguments import Bounds, check_scale
from fairtrial.stats.arms.means import mean_difference, monitoring_variance, welch
from fairtrial.stats.effects import Effect, too_few

__all__ = ["Amounts", "amount_difference", "cuped_difference"]
VALUE = "a unit's value"


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

    capped: sums.Moments
    above: int
    limit: float
    with_earlier: sums.JointMoments | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _check(self.limit)
        sums.check_within(self.capped, self.within)
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
        now, before = sums.finite_values(amounts), None if earlier is None else sums.finite_values(earlier)
        if (now < 0).any() or (before is not None and (before < 0).any()):
            raise ValueError("an amount must be 0 or more")
        capped = np.minimum(now, limit)
        both = None if before is None else sums.JointMoments.of(capped, np.minimum(before, limit))
        return cls(sums.Moments.of(capped), int(np.count_nonzero(now > limit)), float(limit), both)

    def __add__(self, other: Self) -> Self:
        self.check_same(other)
        mine, theirs = self.with_earlier, other.with_earlier
        both = None if mine is None or theirs is None else mine + theirs
        return type(self)(self.capped + other.capped, self.above + other.above, self.limit, both)

    @property
    def within(self) -> Bounds:
        """The possible range of a capped amount."""
        return 0.0, self.limit

    @property
    def share_above(self) -> sums.Successes:
        """The number of units above the limit, and of all units."""
        return sums.Successes(self.capped.n, self.above)

    def check_same(self, other: "Amounts") -> None:
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
    first, second = control.with_earlier, treatment.with_earlier
    if first is not None and second is not None:
        return cuped_difference(first, second, within=control.within, scale=scale)
    return mean_difference(control.capped, treatment.capped, within=control.within, scale=scale)


def _check(limit: float) -> None:
    if not 0 < limit < inf:
        raise ValueError(f"the limit must be a number above 0, not {limit}")


def cuped_difference(
    control: sums.JointMoments,
    treatment: sums.JointMoments,
    *,
    within: Bounds | None = None,
    before: Bounds | None = None,
    scale: float = 1.0,
) -> Effect | NotEnough:
    """The CUPED-adjusted difference of means: treatment − ``scale`` · control, minus θ times the earlier difference.

    For each unit, x is the metric and y the same metric over a window that ended before the unit's first exposure. Any
    y that the experiment can't affect will do; use 0 for units that were not present. θ = Σ_arm cov(x, y)/n over
    Σ_arm var(y)/n, pooled over both arms with the weights that minimise the variance. With arms of equal size it is the
    slope of an analysis of covariance. The variance is conditional on y, as there. θ comes from the same units, so it
    costs each arm its share of a degree of freedom. It adds more variance the more the arms differed before. ``method``
    reports how much variance θ removed. Without spread in y, θ = 0, as in `mean_difference`. Returns `NotEnough` below
    three units in an arm. ``within`` gives the frozen bounds of x, and ``before`` those of y, by default the same. As
    in `mean`, repeated looks need them, and count three unseen units of each arm at the bounds.

    Source: Deng, Xu, Kohavi & Walker (2013), WSDM; Lin (2013), Annals of Applied Statistics 7:295-318, for the weights;
    Fisher (1932), Statistical Methods for Research Workers, on the analysis of covariance.

    >>> from fairtrial.stats.effects import fixed
    >>> control = sums.JointMoments.of([2, 5, 6, 9], [1, 2, 3, 4])
    >>> print(fixed(cuped_difference(control, sums.JointMoments.of([4, 5, 9, 10], [1, 2, 3, 4]))))
    1.5 (0.1287 to 2.871; 95 %, n = 8, difference of means, CUPED took off 94.9 % of the variance)
    """
    check_scale(scale)
    both, bounds = control.n + treatment.n, _checked(control, treatment, within, before)
    if min(control.n, treatment.n) < MIN_IN_ARM:
        return NotEnough("so few units can't show how much they vary", f"{MIN_IN_ARM} units in each arm", both)
    theta, (lost, ours_lost) = _theta(control, treatment, scale)
    theirs = _left(control, theta, scale) * ((control.n - 1) / (control.n - 1 - lost))
    ours = _left(treatment, theta, 1.0) * ((treatment.n - 1) / (treatment.n - 1 - ours_lost))
    apart = treatment.second.mean - control.second.mean
    unsure = _unsure(apart, (control, theirs, lost), (treatment, ours, ours_lost)) if theta else 0.0
    far = _unseen(treatment, theta, 1.0, ours_lost, bounds)
    near = _unseen(control, theta, scale, lost, bounds)
    return Effect(
        value=treatment.first.mean - scale * control.first.mean - theta * apart,
        variance=theirs + ours + unsure,
        n=both,
        method=_method(control, treatment, theta, scale),
        freedom=welch((theirs, control.n - 1 - lost), (ours, treatment.n - 1 - ours_lost)),
        not_yet=too_few(control.n, treatment.n) or (None if bounds else sums.unbounded(control.n, what=VALUE)),
        watched=monitoring_variance((theirs, control.n), (ours, treatment.n)) + unsure,
        within=(-inf, inf) if within is None or theta else _reach(within, scale),
        unseen=(far[0] + near[1], far[1] + near[0]),
    )


def _checked(
    control: sums.JointMoments, treatment: sums.JointMoments, within: Bounds | None, before: Bounds | None
) -> tuple[Bounds, Bounds] | None:
    """The bounds of x and of y, which both arms share; ``None`` without them."""
    if within is None:
        return None
    for arm in (control, treatment):
        sums.check_within(arm.first, within)
        sums.check_within(arm.second, before or within)
    return within, before or within


def _unseen(
    arm: sums.JointMoments, theta: float, scale: float, lost: float, bounds: tuple[Bounds, Bounds] | None
) -> tuple[float, float]:
    """The variance that unseen units below and above add: at a bound of x, and at the bound of y that adds to it."""
    if bounds is None:
        return 0.0, 0.0
    within, before = bounds
    earlier = sums.unseen_squares(arm.second.mean, before)
    opposite = earlier[::-1] if theta > 0 else earlier
    pairs = zip(sums.unseen_squares(arm.first.mean, within), opposite, strict=True)
    squares = ((scale * sqrt(far) + abs(theta) * sqrt(more)) ** 2 for far, more in pairs)
    low, high = (each / arm.n / (arm.n - 1 - lost) for each in squares)
    return low, high


def _reach(within: Bounds, scale: float) -> Bounds:
    """The possible range of the plain difference."""
    low, high = within
    return low - scale * high, high - scale * low


def _theta(control: sums.JointMoments, treatment: sums.JointMoments, scale: float) -> tuple[float, tuple[float, float]]:
    """θ, and the weight of each arm in it; without θ there are no weights."""
    together = treatment.covariance / treatment.n + scale * control.covariance / control.n
    theirs, ours = control.second.variance / control.n, treatment.second.variance / treatment.n
    if not together or not theirs + ours:
        return 0.0, (0.0, 0.0)
    return together / (theirs + ours), (theirs / (theirs + ours), ours / (theirs + ours))


def _unsure(apart: float, *arms: tuple[sums.JointMoments, float, float]) -> float:
    """var(θ) times the squared difference of the arms before; each arm with its variance and its weight in θ."""
    spread = sum(arm.second.variance / arm.n for arm, _, _ in arms)
    return apart**2 / spread * sum(variance * share / (arm.n - 1) for arm, variance, share in arms)


def _method(control: sums.JointMoments, treatment: sums.JointMoments, theta: float, scale: float) -> str:
    plain, left = (_left(control, slope, scale) + _left(treatment, slope, 1.0) for slope in (0.0, theta))
    took = f", CUPED took off {100 * (1 - left / plain):.3g} % of the variance" if plain and theta else ""
    return "difference of means" + took + ("" if scale == 1 else f", control times {scale:g}")


def _left(arm: sums.JointMoments, theta: float, scale: float) -> float:
    """The variance of the mean of scale · x − θ y."""
    x, y, both = (part / arm.n for part in (arm.first.variance, arm.second.variance, arm.covariance))
    return max(0.0, scale**2 * x - 2 * scale * theta * both + theta**2 * y)
