"""Differences of two levels measured on different units, whose variances add."""

from __future__ import annotations

from math import inf

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.arguments import check_scale
from fairtrial.stats.effects import MIN_UNITS, Effect, too_few

__all__ = ["difference"]


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
