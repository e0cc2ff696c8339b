"""Ratios of two sums over the same users, such as positive ratings per rating; users are the units, not requests."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.means import difference, too_few_in_arm
from fairtrial.stats.effects import MIN_UNITS, Effect
from fairtrial.stats.sums import BOUND_ROUNDING as NEAR
from fairtrial.stats.sums import ROUNDING, Bounds, JointMoments, check_bounds, finite_values, unbounded, unseen_squares

__all__ = ["capped_requests", "ratio", "ratio_difference"]

CAP = 50.0
"""The default number of requests that count for each user."""
SHARE: Bounds = (0.0, 1.0)


def capped_requests(x: ArrayLike, y: ArrayLike, *, cap: float = CAP) -> JointMoments:
    """Sums over users, each counted for at most ``cap`` requests: x · min(1, cap/y) and min(y, cap).

    ``x`` and ``y`` are the numerator and denominator of each user with y > 0, over a complete window of the same length
    for all. ``cap`` is frozen when the experiment starts. In SQL: ``x * least(1, cap / y)``, ``least(y, cap)``. A user
    above the cap keeps the same ratio but loses weight, and the estimate is the ratio of users with these weights.
    Raises `ValueError` for a cap or a denominator that is not above 0.

    Source: Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, on capping metrics.

    >>> capped_requests([1, 250], [2, 500], cap=50)
    JointMoments(n=2, x=26.0, y=52.0, xx=626.0, yy=2504.0, xy=1252.0)
    """
    if not 0 < cap < np.inf:
        raise ValueError(f"the cap must be a number above 0, not {cap}")
    top, bottom = finite_values(x), finite_values(y)
    if not (bottom > 0).all():
        raise ValueError("count only users with a denominator above 0")
    return JointMoments.of(top * np.minimum(1.0, cap / bottom), np.minimum(bottom, cap))


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
    squares = parts[0] - parts[1] + parts[2]
    if squares <= ROUNDING * max(parts):
        squares = 0.0
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
