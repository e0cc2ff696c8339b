"""An effect before it has an interval: how wide that is depends on how often one looks, which the caller must say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf, isfinite, sqrt

from scipy.special import stdtrit

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.intervals import upper_share

__all__ = ["Effect", "fixed"]

MIN_UNITS = 30
"""Units in each arm before a look may decide; below, the normal approximation of the variance is not to be trusted."""


@dataclass(frozen=True, slots=True)
class Effect:
    """An asymptotically normal estimate, such as treatment − control, with its variance.

    ``value`` is on the metric's scale (or the log of a ratio, as ``method`` says), ``variance`` its square;
    ``n`` counts units of analysis, ``freedom`` the degrees of freedom of the variance. ``not_yet`` says what a look
    during the experiment still needs before the normal approximation can be trusted, ``None`` if nothing.
    ``watched`` is the variance for more than one look where that needs a larger one than a single look (`difference`).
    ``within``: what the effect can be at all, −1 to 1 for a difference of rates; no interval goes beyond. ``unseen``:
    what such looks add to the variance of the lower and of the upper end for units that nobody has seen (`mean`).
    `ValueError` for a value or a variance that is not finite, or a variance below 0.

    >>> Effect(value=0.5, variance=0.04, n=40, method="mean difference").variance ** 0.5
    0.2
    """

    value: float
    variance: float
    n: int
    method: str
    freedom: float = inf
    not_yet: NotEnough | None = None
    watched: float | None = field(default=None, repr=False)
    within: tuple[float, float] = field(default=(-inf, inf), repr=False)
    unseen: tuple[float, float] = field(default=(0.0, 0.0), repr=False)

    def __post_init__(self) -> None:
        sound = 0 <= self.variance < inf and self.freedom > 0 and 0 <= min(self.unseen) <= max(self.unseen) < inf
        if not (isfinite(self.value) and sound):
            raise ValueError(f"{self} is no estimate: its value and variance must be finite, its variance 0 or more")

    def around(self, half: float, upper: float | None = None) -> tuple[float, float]:
        """The interval value ± ``half`` (+ ``upper``, if given), as far as the effect can be there."""
        least, most = self.within
        return max(least, self.value - half), min(most, self.value + (half if upper is None else upper))

    @property
    def ends(self) -> tuple[float, float]:
        """The variances of the lower and of the upper end for more than one look."""
        return self.variance + self.unseen[0], self.variance + self.unseen[1]


def fixed(effect: Effect | NotEnough, *, level: float = 0.95) -> Estimate | NotEnough:
    """The interval for one look at a sample size that was fixed before: value ± t √V, two-sided.

    Looking again until it excludes 0 breaks its promise: that is what `always_valid` is for. `NotEnough` where there
    is no effect, or where the units show no spread.

    Source: Welch (1947), Biometrika 34:28-35, for the freedom that `mean_difference` gives.

    >>> print(fixed(Effect(value=0.5, variance=0.04, n=40, method="mean difference", freedom=38)))
    0.5 (0.09512 to 0.9049; 95 %, n = 40, mean difference)
    """
    upper = upper_share(level)
    if isinstance(effect, NotEnough):
        return effect
    if effect.variance <= 0:
        return no_spread(effect)
    half = float(stdtrit(effect.freedom, upper)) * sqrt(effect.variance)
    low, high = effect.around(half)
    return Estimate(effect.value, low, high, level, effect.n, effect.method)


def watchable(effect: Effect | NotEnough) -> Effect | NotEnough:
    """The effect with the variance for more than one look, or why it can't be looked at during the experiment yet."""
    if isinstance(effect, NotEnough):
        return effect
    if effect.not_yet is not None:
        return effect.not_yet
    if effect.watched is not None and effect.watched > effect.variance:
        effect = replace(effect, variance=effect.watched)
    return effect if min(effect.ends) > 0 else no_spread(effect)


def no_spread(effect: Effect) -> NotEnough:
    """The answer where all units are equal: they can't show how much others would vary."""
    return NotEnough("all units show the same value, as far as their sums can tell", "units that differ", effect.n)


def too_few(control: int, treatment: int, *, units: str = "units") -> NotEnough | None:
    """Why a look can't decide yet with so many units in each arm; ``None`` if it can."""
    least = min(control, treatment)
    if least >= MIN_UNITS:
        return None
    reason = f"{least} {units} in the smaller arm are too few to look at"
    return NotEnough(reason, f"{MIN_UNITS - least} more {units} in it", control + treatment)
