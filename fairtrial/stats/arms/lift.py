"""Relative effects: tested as the logarithm of a ratio, and reported as a relative change."""

from __future__ import annotations

from dataclasses import replace
from math import expm1, inf, log

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arms.contrasts import difference
from fairtrial.stats.effects import Effect

__all__ = ["log_ratio", "relative"]

LARGEST = 700.0
"""Beyond this logarithm the ratio is not a float; an early look may get there."""


def log_ratio(control: Effect | NotEnough, treatment: Effect | NotEnough) -> Effect | NotEnough:
    """The log ratio log(treatment / control) of two independent levels above 0: means, rates, ratios or quantiles.

    The result is on the log scale. Get its interval from `fixed` or `always_valid`, and display it with `relative`.
    V = V_B/θ_B² + V_A/θ_A². ``not_yet`` and `NotEnough` are as in `difference`. Also returns `NotEnough` for a level
    that is not above 0.

    Source: Katz, Baptista, Azen & Pike (1978), Biometrics 34:469-474, for rates; the delta method for the rest.

    >>> from fairtrial.stats.effects import fixed
    >>> before, after = (Effect(value, 0.01, n=50, method="mean", freedom=49) for value in (1.0, 1.5))
    >>> print(fixed(log_ratio(before, after)))
    0.4055 (0.1665 to 0.6444; 95 %, n = 100, log of the ratio)
    """
    return difference(_log(control), _log(treatment), method="log of the ratio")


def relative(estimate: Estimate | NotEnough) -> Estimate | NotEnough:
    """Converts the interval of a `log_ratio` to a relative change: 0.1 is 10 % more than control, −1 is nothing left.

    Its bounds are exp(·) − 1 of the log bounds, so both scales lead to the same decision. `NotEnough` passes through.

    Source: Katz, Baptista, Azen & Pike (1978), Biometrics 34:469-474.

    >>> from fairtrial.stats.effects import fixed
    >>> before, after = (Effect(value, 0.01, n=50, method="mean", freedom=49) for value in (1.0, 1.5))
    >>> print(relative(fixed(log_ratio(before, after))))
    0.5 (0.1812 to 0.9049; 95 %, n = 100, relative change, log of the ratio)
    """
    if isinstance(estimate, NotEnough):
        return estimate
    value, low, high = (_change(log) for log in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=low, high=high, method=f"relative change, {estimate.method}")


def _change(log: float) -> float:
    return expm1(log) if log < LARGEST else inf


def _log(level: Effect | NotEnough) -> Effect | NotEnough:
    if isinstance(level, NotEnough):
        return level
    if level.value <= 0:
        return NotEnough("a level that is not above 0 has no relative change", "levels above 0", level.n)
    least, most = (log(end) if end > 0 else -inf for end in level.within)
    variance, low, high = (each / level.value**2 for each in (level.variance, *level.unseen))
    return replace(level, value=log(level.value), variance=variance, within=(least, most), unseen=(low, high))
