"""The mean of one value per unit, and its difference between two arms with possibly unequal variances."""

from __future__ import annotations

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.contrasts import difference, too_few_in_arm
from fairtrial.stats.bounds import Bounds, check_within, unbounded, unseen_squares
from fairtrial.stats.effects import Effect
from fairtrial.stats.sums import Moments

__all__ = ["mean", "mean_difference"]


def mean(arm: Moments, *, within: Bounds | None = None) -> Effect | NotEnough:
    """The mean of one arm, or of differences between pairs, on the metric's scale.

    Each unit counts once, however many requests it sent, so sum or average its values first. A switchback has one
    difference for each pair of blocks; this is their interval, and `sign_flip` is their test. The degrees of freedom
    are n − 1. Returns `NotEnough` below two units.

    ``within`` gives the frozen bounds of one unit's value: (1, 5) for ratings, (0, amount) for a cost that is capped
    there. Repeated looks need them. The variance of each end (``unseen``) includes three units at the bound on that
    side, which the arm may have but has not shown. Without bounds, ``not_yet`` rules out such a look. Raises
    `ValueError` for sums that no values within the bounds can have.

    Source: Student (1908), Biometrika 6:1-25; Hanley & Lippman-Hand (1983), JAMA 249:1743-1745, the rule of three.

    >>> from fairtrial.stats.effects import fixed
    >>> print(fixed(mean(Moments.of([2.0, 3.0, 4.0, 7.0]))))
    4 (0.5626 to 7.437; 95 %, n = 4, mean)
    """
    if within is not None:
        check_within(arm, within)
    if arm.n < 2:
        return NotEnough(f"{arm.n} units can't show how much they vary", "2 units or more in each arm", arm.n)
    variance = arm.variance / arm.n
    if within is None:
        missing = too_few_in_arm(arm.n) or unbounded(arm.n, what="a unit's value")
        return Effect(arm.mean, variance, arm.n, "mean", arm.n - 1, missing)
    low, high = (squares / arm.n / (arm.n - 1) for squares in unseen_squares(arm.mean, within))
    early = too_few_in_arm(arm.n)
    return Effect(arm.mean, variance, arm.n, "mean", arm.n - 1, early, within=within, unseen=(low, high))


def mean_difference(
    control: Moments, treatment: Moments, *, within: Bounds | None = None, scale: float = 1.0
) -> Effect | NotEnough:
    """The difference of two means, treatment − ``scale`` · control, on the metric's scale, with Welch's variance.

    Use it for ratings, and for costs and tokens that are capped at a frozen amount (`Amounts`). Each unit has one
    value, over a complete window of the same length for all. Where units may not answer, see `feedback_difference`.
    ``within`` is as in `mean`: without bounds the difference supports one look at the end (`fixed`), but no repeated
    looks. Where the same metric was measured before the experiment, `cuped_difference` has a narrower interval. Returns
    `NotEnough` below two units in an arm.

    Source: Welch (1947), Biometrika 34:28-35.

    >>> from fairtrial.stats.effects import fixed
    >>> print(fixed(mean_difference(Moments.of([1.0, 2.0, 3.0]), Moments.of([4.0, 6.0, 8.0]))))
    4 (-0.1554 to 8.155; 95 %, n = 6, difference of means)
    """
    levels = mean(control, within=within), mean(treatment, within=within)
    return difference(*levels, method="difference of means", scale=scale)
