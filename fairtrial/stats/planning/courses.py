"""The course of a trial with a true effect: the probability of a decision by each look, and the mean sample size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf

import numpy as np

from fairtrial.stats.always_valid import half_width, one_sided_half_width
from fairtrial.stats.sequential.crossing import exits
from fairtrial.stats.sequential.group_sequential import LOOKS, obrien_fleming, planned_exits

__all__ = ["Course", "monitored", "planned"]

FINEST, FARTHEST = 80, 5
"""Without given looks: the number of looks within the units that one look needs, and the largest multiple of these."""


@dataclass(frozen=True, slots=True)
class Course:
    """A trial's looks, and the probability of each decision if the effect is as large as assumed.

    ``units`` counts the units in both arms at each look. ``power`` is the probability that the trial has decided for
    the effect by then. ``mean_stop`` is the mean number of units at the end; a trial that never decides counts with its
    last look. ``exaggeration`` is the effect that deciding trials show, as a multiple of the true one (type-M error),
    or ``None`` if unknown.

    >>> Course(units=(100.0, 200.0), power=(0.3, 0.8), mean_stop=170.0, exaggeration=1.3).needed(0.8)
    200.0
    """

    units: tuple[float, ...]
    power: tuple[float, ...]
    mean_stop: float
    exaggeration: float | None = None

    def needed(self, power: float) -> float | None:
        """Units at the first look with this power; ``None`` if none has it."""
        return next((n for n, found in zip(self.units, self.power, strict=True) if found >= power), None)


def monitored(
    effect: float,
    unit_variance: float,
    looks: Sequence[float],
    *,
    tau: float,
    alpha: float = 0.05,
    sides: int = 2,
    unseen: float = 0.0,
) -> Course:
    """The course of a trial that stops when its always-valid interval excludes the limit.

    ``effect`` is the true distance to the limit, above 0. ``unit_variance`` is the variance of the effect times the
    units in both arms. ``looks`` are those units at each look, ascending. ``tau`` is as in `always_valid`. ``sides`` is
    2 for `always_valid` and 1 for `at_least`. ``unseen`` is what the bound adds to the variance for units not seen yet,
    times the squared units. Raises `ValueError` for an effect or variance that is not above 0.

    Source: recursive integration (Armitage, McPherson & Rowe 1969) over the bounds of Robbins (1970); type-M error
    after Gelman & Carlin (2014), Perspect. Psychol. Sci. 9:641-651.

    >>> course = monitored(0.1, 4.0, [400.0 * look for look in range(1, 16)], tau=0.1)
    >>> print(f"{course.power[-1]:.0%} after {course.units[-1]:,.0f} units, on average {course.mean_stop:,.0f}")
    84% after 6,000 units, on average 3,656
    """
    _check(effect, unit_variance)
    half = half_width if sides == 2 else one_sided_half_width
    times = [units / unit_variance for units in looks]
    variances = [unit_variance / units + unseen / units**2 for units in looks]
    high = [half(one, tau=tau, alpha=alpha) * time for one, time in zip(variances, times, strict=True)]
    low = [-one for one in high] if sides == 2 else [-inf] * len(high)
    found = exits(times, low, high, drift=effect)
    power = np.minimum(np.cumsum(found.up), 1.0).tolist()
    slope = found.mean_slope_up
    return Course(
        tuple(looks), tuple(power), found.mean_time * unit_variance, None if slope is None else slope / effect
    )


def planned(
    effect: float, unit_variance: float, units: float, *, alpha: float = 0.05, sides: int = 2, looks: int = LOOKS
) -> Course:
    """The course of a trial with O'Brien-Fleming bounds at equally spaced looks, the last after ``units``.

    The parameters are as in `monitored`. With ``sides`` 1, the upper bound alone spends ``alpha``.

    Source: Jennison & Turnbull (2000), Group Sequential Methods, chapters 2 and 19.

    >>> course = planned(0.1, 4.0, 3140.0)
    >>> print(f"{course.power[-1]:.0%} after {course.units[-1]:,.0f} units, on average {course.mean_stop:,.0f}")
    78% after 3,140 units, on average 2,416
    """
    _check(effect, unit_variance)
    constant = obrien_fleming(looks, alpha=alpha if sides == 2 else 2 * alpha)
    drift = effect * (units / unit_variance) ** 0.5
    found = planned_exits(looks, constant, drift=drift)
    power = np.minimum(np.cumsum(found.up), 1.0).tolist()
    slope = found.mean_slope_up
    return Course(
        tuple(units * time for time in found.times),
        tuple(power),
        found.mean_time * units,
        None if slope is None else slope / drift,
    )


@lru_cache(maxsize=512)
def monitored_multiple(power: float, *, alpha: float, sides: int, tau: float) -> float | None:
    """(effect/SE)² at which the always-valid rule has this power under continuous looks; ``None`` if out of reach.

    ``tau`` is in multiples of the effect. For 80 % power at τ = effect, the result is 1.63 times what one look needs.
    """
    looks = [8 * k / FINEST for k in range(1, FARTHEST * FINEST + 1)]
    return monitored(1.0, 1.0, looks, tau=tau, alpha=alpha, sides=sides).needed(power)


def _check(effect: float, unit_variance: float) -> None:
    if not (0 < effect < inf and 0 < unit_variance < inf):
        raise ValueError(f"an effect of {effect} with a variance of {unit_variance} can't be planned for")
