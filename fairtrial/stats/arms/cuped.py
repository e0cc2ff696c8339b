"""What users did before the experiment explains part of how they differ in it; taking it out narrows the interval."""

from __future__ import annotations

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arguments import check_scale
from fairtrial.stats.arms.contrasts import watched, welch
from fairtrial.stats.effects import Effect, too_few
from fairtrial.stats.sums import JointMoments

__all__ = ["cuped_difference"]

MIN_IN_ARM = 2
MIN_IN_ALL = 4
"""Two means and a slope leave a degree of freedom from four units on."""


def cuped_difference(control: JointMoments, treatment: JointMoments, *, scale: float = 1.0) -> Effect | NotEnough:
    """The difference of two means, treatment − ``scale`` · control, less θ times that of the same before.

    For each unit x = the metric and y = the same over a window that ended before the unit's first exposure (any y
    that the experiment can't move will do; 0 for who was not there). θ = Σ_arm cov(x, y)/n over Σ_arm var(y)/n: pooled
    over both arms, and so weighted that no θ makes the variance smaller; with arms of one size it is the slope of an
    analysis of covariance. The variance is multiplied by (N − 2)/(N − 3), since θ comes from the same units. ``method``
    says how much variance it took off. No spread in y: θ = 0, as `mean_difference`. `NotEnough` below two units in an
    arm or four in all.

    Source: Deng, Xu, Kohavi & Walker (2013), WSDM; Lin (2013), Annals of Applied Statistics 7:295-318, for the weights.

    >>> from fairtrial.stats.effects import fixed
    >>> control = JointMoments.of([2, 5, 6, 9], [1, 2, 3, 4])
    >>> print(fixed(cuped_difference(control, JointMoments.of([4, 5, 9, 10], [1, 2, 3, 4]))))
    1.5 (0.2062 to 2.794; 95 %, n = 8, difference of means, CUPED took off 94.9 % of the variance)
    """
    check_scale(scale)
    both = control.n + treatment.n
    if min(control.n, treatment.n) < MIN_IN_ARM or both < MIN_IN_ALL:
        return NotEnough("so few units can't show how much they vary", "2 units in each arm and 4 in all", both)
    theta = _theta(control, treatment, scale)
    theirs, ours = _left(control, theta, scale) / control.n, _left(treatment, theta, 1.0) / treatment.n
    before = treatment.second.mean - control.second.mean
    plain = _left(control, 0.0, scale) / control.n + _left(treatment, 0.0, 1.0) / treatment.n
    correction = (both - 2) / (both - 3) if theta else 1.0
    took = f", CUPED took off {100 * (1 - (theirs + ours) / plain):.3g} % of the variance" if plain and theta else ""
    return Effect(
        value=treatment.first.mean - scale * control.first.mean - theta * before,
        variance=(theirs + ours) * correction,
        n=both,
        method="difference of means" + took + ("" if scale == 1 else f", control times {scale:g}"),
        freedom=welch((theirs, control.n - 1), (ours, treatment.n - 1)),
        not_yet=too_few(control.n, treatment.n),
        watched=watched((theirs, control.n), (ours, treatment.n)) * correction,
    )


def _theta(control: JointMoments, treatment: JointMoments, scale: float) -> float:
    together = treatment.covariance / treatment.n + scale * control.covariance / control.n
    alone = treatment.second.variance / treatment.n + control.second.variance / control.n
    return together / alone if alone > 0 else 0.0


def _left(arm: JointMoments, theta: float, scale: float) -> float:
    """The variance of scale · x − θ y."""
    left = scale**2 * arm.first.variance - 2 * scale * theta * arm.covariance + theta**2 * arm.second.variance
    return max(0.0, left)
