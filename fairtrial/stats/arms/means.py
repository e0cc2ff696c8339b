"""The mean of one value a unit, and its difference between two arms whose spreads need not be equal."""

from __future__ import annotations

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arms.contrasts import difference, few
from fairtrial.stats.effects import Effect
from fairtrial.stats.sums import Moments

__all__ = ["mean", "mean_difference"]


def mean(arm: Moments) -> Effect | NotEnough:
    """The mean of one arm, or of differences between pairs, on the metric's scale.

    Each unit counts once, whatever it sent: sum or average it before. A switchback has one difference for each pair of
    blocks: this is their interval, and `sign_flip` their test. Freedom n − 1. `NotEnough` below two units.

    Source: Student (1908), Biometrika 6:1-25.

    >>> from fairtrial.stats.effects import fixed
    >>> print(fixed(mean(Moments.of([2.0, 3.0, 4.0, 7.0]))))
    4 (0.5626 to 7.437; 95 %, n = 4, mean)
    """
    if arm.n < 2:
        return NotEnough(f"{arm.n} units can't show how much they vary", "2 units or more in each arm", arm.n)
    return Effect(arm.mean, arm.variance / arm.n, arm.n, "mean", arm.n - 1, few(arm.n))


def mean_difference(control: Moments, treatment: Moments, *, scale: float = 1.0) -> Effect | NotEnough:
    """The difference of two means, treatment − ``scale`` · control, on the metric's scale; Welch's variance.

    For cost, tokens, ratings: one value a unit. Where few units carry most of the sum, `winsorise` first; where the
    same was measured before the experiment, `cuped_difference` is narrower. `NotEnough` below two units in an arm.

    Source: Welch (1947), Biometrika 34:28-35.

    >>> from fairtrial.stats.effects import fixed
    >>> print(fixed(mean_difference(Moments.of([1.0, 2.0, 3.0]), Moments.of([4.0, 6.0, 8.0]))))
    4 (-0.1554 to 8.155; 95 %, n = 6, difference of means)
    """
    return difference(mean(control), mean(treatment), method="difference of means", scale=scale)
