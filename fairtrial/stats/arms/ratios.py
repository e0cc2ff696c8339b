"""A ratio of two sums over the same users, such as thumbs up per thumb: users are the units, not what they sent."""

from __future__ import annotations

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.contrasts import difference, few
from fairtrial.stats.effects import Effect
from fairtrial.stats.sums import ROUNDING, JointMoments

__all__ = ["ratio", "ratio_difference"]


def ratio(arm: JointMoments) -> Effect | NotEnough:
    """Σx / Σy of one arm by the delta method, on the scale of x per y.

    ``arm``: for each user (or tenant) x = the sum of the numerator and y = that of the denominator, such as thumbs up
    and thumbs. V = Σ(x − R y)² · K/(K − 1) / (Σy)² over K users, which is a regression's cluster-robust variance with
    that correction. Count only users with y > 0. Freedom K − 1. `NotEnough` below two users, or for a sum of
    denominators that is not above 0.

    Source: Deng, Knoblich & Lu (2018), KDD, arXiv:1803.06336; Liang & Zeger (1986), Biometrika 73:13-22.

    >>> from fairtrial.stats.effects import fixed
    >>> print(fixed(ratio(JointMoments.of([1, 4, 2, 6], [2, 5, 4, 9]))))
    0.65 (0.4631 to 0.8369; 95 %, n = 4, ratio by user)
    """
    if arm.n < 2:
        return NotEnough(f"{arm.n} users can't show how much they vary", "2 users or more in each arm", arm.n)
    if arm.y <= 0:
        return NotEnough("the denominators sum to nothing", "users with a denominator above 0", arm.n)
    level = arm.x / arm.y
    parts = arm.xx, 2 * level * arm.xy, level**2 * arm.yy
    squares = parts[0] - parts[1] + parts[2]
    if squares <= ROUNDING * max(parts):
        squares = 0.0
    variance = squares * arm.n / (arm.n - 1) / arm.y**2
    return Effect(level, variance, arm.n, "ratio by user", arm.n - 1, few(arm.n, units="users"))


def ratio_difference(control: JointMoments, treatment: JointMoments, *, scale: float = 1.0) -> Effect | NotEnough:
    """The difference of two ratios of sums, treatment − ``scale`` · control, with users as units.

    Arms, units and `NotEnough` as in `ratio`. The freedom is Welch's, which is never above K − 2 and matters below
    some thirty users in an arm. With y = 1 for all it is `mean_difference`.

    Source: Deng, Knoblich & Lu (2018), KDD, arXiv:1803.06336.

    >>> from fairtrial.stats.effects import fixed
    >>> control = JointMoments.of([1, 4, 2, 6], [2, 5, 4, 9])
    >>> print(fixed(ratio_difference(control, JointMoments.of([2, 5, 3, 8], [2, 6, 4, 10]))))
    0.1682 (-0.007907 to 0.3443; 95 %, n = 8, difference of ratios by user)
    """
    return difference(ratio(control), ratio(treatment), method="difference of ratios by user", scale=scale)
