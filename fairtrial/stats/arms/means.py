"""The mean of one value per unit or the rate of an event, and differences of two levels on different units."""

from dataclasses import replace
from math import inf, sqrt

from fairtrial.domain.estimates import NotEnough
from fairtrial.domain.promises import MIN_EVENTS, MIN_UNITS
from fairtrial.stats.arguments import Bounds, check_scale
from fairtrial.stats.effects import Effect, too_few
from fairtrial.stats.sums import Moments, Successes, check_within, unbounded, unseen_squares

__all__ = ["difference", "mean", "mean_difference", "rate", "rate_difference"]


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


def rate(arm: Successes) -> Effect | NotEnough:
    """The rate of one arm, between 0 and 1, with V = p(1 − p)/n.

    `wilson` gives a better interval for one arm. ``not_yet`` is set below 30 units, below ten
    units with the event, and below ten without it. Returns `NotEnough` without a unit.

    Source: Waudby-Smith et al. (2024), arXiv:2103.06476, on looking at means of 0 and 1.

    >>> rate(Successes(n=400, successes=200))
    Effect(value=0.5, variance=0.000625, n=400, method='rate', freedom=inf, not_yet=None)
    """
    if arm.n == 0:
        return NotEnough("there is no unit", "units in each arm")
    p = arm.rate
    return Effect(
        p, p * (1 - p) / arm.n, arm.n, "rate", not_yet=too_few_in_arm(arm.n) or _few_events(arm), within=(0.0, 1.0)
    )


def rate_difference(control: Successes, treatment: Successes, *, scale: float = 1.0) -> Effect | NotEnough:
    """The difference of two rates between 0 and 1, treatment − ``scale`` · control.

    Where the event takes time, include only units whose window is complete and equally long for all. Where units may
    not answer, use `feedback_difference` instead.

    V is the sum of p(1 − p)/n over the arms. Repeated looks use ``watched``, the larger of V and the same sum at the
    rates that are most likely without a difference. The reason is that V alone is too small whenever a small arm is
    unlucky. Consider a one-sided guardrail at 5 %, with a look after each unit at splits of 90/10 and 98/2. With V
    alone it errs in up to 7.2 % of trials without a difference; with ``watched`` it errs in at most 2.7 %. At 50/50 the
    two are nearly equal.

    ``not_yet`` is set below 30 units in an arm, below ten of them with the event, and below ten without it. Rarer
    events have an exact test. Returns `NotEnough` without a unit.

    Source: Miettinen & Nurminen (1985), Statistics in Medicine 4:213-226, and Farrington & Manning (1990), Statistics
    in Medicine 9:1447-1454, for the variance under the hypothesis.

    >>> from fairtrial.stats.always_valid import always_valid
    >>> found = rate_difference(Successes(n=4000, successes=400), Successes(n=4000, successes=520))
    >>> print(always_valid(found, tau=0.02))
    0.03 (0.008348 to 0.05165; 95 %, n = 8,000, difference of rates, always valid)
    """
    effect = difference(rate(control), rate(treatment), method="difference of rates", scale=scale)
    if isinstance(effect, NotEnough):
        return effect
    return replace(effect, watched=max(effect.variance, _null_variance(control, treatment, scale)))


def _few_events(arm: Successes) -> NotEnough | None:
    least = min(arm.successes, arm.n - arm.successes)
    if least >= MIN_EVENTS:
        return None
    which = "with" if arm.successes <= arm.n - arm.successes else "without"
    reason = f"{least} units {which} the event in an arm are too few to look at"
    return NotEnough(reason, f"{MIN_EVENTS - least} more units {which} the event in it", arm.n)


def _null_variance(control: Successes, treatment: Successes, scale: float) -> float:
    """The variance under the null hypothesis: at the most likely rates with treatment = ``scale`` times control.

    Control's rate is the smaller root of a quadratic equation.
    """
    a = scale * (control.n + treatment.n)
    b = scale * (treatment.n + control.successes) + control.n + treatment.successes
    c = control.successes + treatment.successes
    base = (b - sqrt(max(0.0, b * b - 4 * a * c))) / (2 * a)
    most = min(1.0, scale * base)
    return scale**2 * base * (1 - base) / control.n + most * (1 - most) / treatment.n


def difference(
    control: Effect | NotEnough, treatment: Effect | NotEnough, *, method: str, scale: float = 1.0
) -> Effect | NotEnough:
    """treatment − ``scale`` · control for two independent levels: means, rates, ratios, quantiles or PPI estimates.

    The result is on the levels' own scale. A guardrail with a relative margin m uses ``scale`` = 1 + m. The variances
    add, with the control's multiplied by scale². The degrees of freedom are Welch and Satterthwaite's. ``not_yet`` is
    set below 30 units in either arm, and where a level itself is not ready. Returns `NotEnough` where one of the levels
    is.

    Repeated looks use ``watched``, the larger of this variance and Student's, which assumes equal variances in both
    arms. The reason is a small arm with skewed values that has not yet shown its largest ones. It looks both cheaper
    and more certain than it is. With looks after each of 20,000 users at a 90/10 split, 1 in 10 trials without a
    difference would otherwise find it better. Unseen units that would raise control's level lower the difference, and
    vice versa.

    Source: Welch (1947), Biometrika 34:28-35; Satterthwaite (1946), Biometrics Bulletin 2:110-114; Student (1908).

    >>> from fairtrial.stats.effects import fixed
    >>> before, after = (Effect(value, 0.01, n=50, method="mean", freedom=49) for value in (1.0, 1.5))
    >>> print(fixed(difference(before, after, method="difference of means")))
    0.5 (0.2194 to 0.7806; 95 %, n = 100, difference of means)
    """
    check_scale(scale)
    if isinstance(control, NotEnough):
        return control
    if isinstance(treatment, NotEnough):
        return treatment
    theirs, ours = scale**2 * control.variance, treatment.variance
    return Effect(
        value=treatment.value - scale * control.value,
        variance=theirs + ours,
        n=control.n + treatment.n,
        method=method if scale == 1 else f"{method}, control times {scale:g}",
        freedom=welch((theirs, control.freedom), (ours, treatment.freedom)),
        not_yet=too_few(control.n, treatment.n) or control.not_yet or treatment.not_yet,
        watched=monitoring_variance((theirs, control.n), (ours, treatment.n)),
        within=(treatment.within[0] - scale * control.within[1], treatment.within[1] - scale * control.within[0]),
        unseen=(
            treatment.unseen[0] + scale**2 * control.unseen[1],
            treatment.unseen[1] + scale**2 * control.unseen[0],
        ),
    )


def welch(*parts: tuple[float, float]) -> float:
    """The Welch degrees of freedom of a sum of variances."""
    total = sum(variance for variance, _ in parts)
    spread = sum(variance**2 / freedom for variance, freedom in parts if variance > 0)
    return total**2 / spread if spread > 0 else inf


def monitoring_variance(control: tuple[float, int], treatment: tuple[float, int]) -> float:
    """The variance of a difference for repeated looks: the larger of two estimates."""
    (theirs, m), (ours, n) = control, treatment
    return max(theirs + ours, theirs * m / n + ours * n / m)  # s²(1/m + 1/n) with s² = (m · m V + n · n W)/(m + n)


def too_few_in_arm(n: int, *, units: str = "units") -> NotEnough | None:
    """Why a look can't decide yet because one arm has too few units; ``None`` if it can."""
    if n >= MIN_UNITS:
        return None
    return NotEnough(f"{n} {units} are too few to look at", f"{MIN_UNITS - n} more {units}", n)
