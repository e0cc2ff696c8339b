"""How many per cent: a relative effect is tested as the logarithm of a ratio and shown as per cent."""

from __future__ import annotations

from dataclasses import replace
from math import expm1, inf, log

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arms.contrasts import difference
from fairtrial.stats.effects import Effect

__all__ = ["log_ratio", "relative"]

LARGEST = 700.0
"""A logarithm beyond which its number is no float: an early look may reach so far."""


def log_ratio(control: Effect | NotEnough, treatment: Effect | NotEnough) -> Effect | NotEnough:
    """log(treatment / control) of two independent levels above 0: means, rates, ratios, quantiles.

    On the log scale; close it with `fixed` or `always_valid` and show it by `relative`. V = V_B/θ_B² + V_A/θ_A².
    ``not_yet`` and `NotEnough` as in `difference`; `NotEnough` too for a level that is not above 0.

    Source: Katz, Baptista, Azen & Pike (1978), Biometrics 34:469-474, for rates; the delta method for the rest.

    >>> from fairtrial.stats.effects import fixed
    >>> before, after = (Effect(value, 0.01, n=50, method="mean", freedom=49) for value in (1.0, 1.5))
    >>> print(fixed(log_ratio(before, after)))
    0.4055 (0.1665 to 0.6444; 95 %, n = 100, log of the ratio)
    """
    return difference(_log(control), _log(treatment), method="log of the ratio")


def relative(estimate: Estimate | NotEnough) -> Estimate | NotEnough:
    """The closed `log_ratio` as a relative change: 0.1 is 10 % more than control, −1 is nothing left.

    Its bounds are those of the log put through exp(·) − 1, so that it decides as they do. `NotEnough` passes through.

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
