"""The course of a trial with a true effect, also of rare events: each look's power, and the mean sample size."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf, log, log1p, sqrt
from typing import Literal

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load
from numpy.typing import NDArray

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.always_valid import half_width, one_sided_half_width
from fairtrial.stats.arguments import Floats
from fairtrial.stats.planning.question import Course
from fairtrial.stats.sequential.conversions import conversion_evidence, conversion_harm
from fairtrial.stats.sequential.group_sequential import exits

__all__ = ["ConversionRule", "conversion_course", "monitored", "planned"]


FINEST, FARTHEST = 80, 5
"""Without given looks: the number of looks within the units that one look needs, and the largest multiple of these."""

MOST_STEPS = 600
"""The maximum number of looks. With more conversions than this, several occur between two looks."""
GRID = 200
"""The number of sample sizes for which the course is computed."""
BEYOND = 6.0
"""The range that is computed, in standard deviations around the mean number of conversions."""
REACH = 9.0


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
    high = [half(variance, tau=tau, alpha=alpha) * time for variance, time in zip(variances, times, strict=True)]
    low = [-bound for bound in high] if sides == 2 else [-inf] * len(high)
    return _course(effect, unit_variance, (looks, times), (low, high))


def planned(
    effect: float,
    unit_variance: float,
    looks: tuple[Sequence[float], Sequence[float]],
    *,
    sides: int = 2,
    unseen: float = 0.0,
) -> Course:
    """The course of a trial with planned looks: their units, and the bound of |Z| at each.

    The other parameters are as in `monitored`. With ``sides`` 1, only the upper bound ends a trial.

    Source: Jennison & Turnbull (2000), Group Sequential Methods, chapters 7 and 19.

    >>> course = planned(0.1, 4.0, ([1000.0, 2000.0, 3140.0], [3.6, 2.5, 1.99]))
    >>> print(f"{course.power[-1]:.0%} after {course.units[-1]:,.0f} units, on average {course.mean_stop:,.0f}")
    80% after 3,140 units, on average 2,666
    """
    _check(effect, unit_variance)
    units, bounds = looks
    times = [look / unit_variance for look in units]
    errors = [sqrt(unit_variance / look + unseen / look**2) for look in units]
    high = [bound * error * time for bound, error, time in zip(bounds, errors, times, strict=True)]
    low = [-bound for bound in high] if sides == 2 else [-inf] * len(high)
    return _course(effect, unit_variance, (units, times), (low, high))


def _course(
    effect: float,
    unit_variance: float,
    at: tuple[Sequence[float], list[float]],
    bounds: tuple[list[float], list[float]],
) -> Course:
    """The course of a walk; ``at``: the units and the information at each look."""
    probabilities = exits(at[1], *bounds, drift=effect)
    power = np.minimum(np.cumsum(probabilities.up), 1.0).tolist()
    slope = probabilities.mean_slope_up
    return Course(
        tuple(at[0]),
        tuple(power),
        mean_stop=probabilities.mean_time * unit_variance,
        exaggeration=None if slope is None else slope / effect,
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


@dataclass(frozen=True, slots=True)
class ConversionRule:
    """How conversions are compared: the arguments of `conversion_evidence` and `conversion_harm`, and the error α.

    The ``side`` ``either`` is two-sided. ``more`` rejects "at most (1 + ``margin``) times control's rate", and
    ``fewer`` rejects "at least" that rate.

    >>> ConversionRule(lift=1.0, side="more").rejects(control=2, treatment=14)
    True
    """

    lift: float
    share: float = 0.5
    alpha: float = 0.05
    side: Literal["either", "more", "fewer"] = "either"
    margin: float = 0.0

    def rejects(self, control: int, treatment: int) -> bool:
        """Whether these numbers of conversions reject the null hypothesis."""
        if self.side == "either":
            evidence = conversion_evidence(control, treatment, lift=self.lift, share=self.share)
        elif self.side == "more":
            evidence = conversion_harm(control, treatment, lift=self.lift, share=self.share, margin=self.margin)
        else:
            back = 1 / (1 + self.margin) - 1
            evidence = conversion_harm(treatment, control, lift=self.lift, share=1 - self.share, margin=back)
        return not isinstance(evidence, NotEnough) and bool(evidence.rejects(self.alpha))


def conversion_course(rule: ConversionRule, *, control: float, treatment: float, units: float) -> Course:
    """The course of a trial whose arms convert at these rates, up to ``units`` in both arms together.

    ``control`` and ``treatment`` are the probabilities that a unit converts, above 0 and below 1. For ``either``, only
    stops on the side of the true difference count as power. The counts that stop the trial are those of the rule
    itself. They are followed exactly, conversion by conversion up to 600 looks, then in batches. The number of
    conversions in so many units is taken as Poisson, as for rare events. Raises `ValueError` for impossible rates or
    units, and for ``either`` with equal rates.

    Source: Lindon & Malek (2022), arXiv:2011.03567, for the rule. The recursion is an exact enumeration of its walk.

    >>> course = conversion_course(ConversionRule(lift=1.0, side="more"), control=0.01, treatment=0.05, units=2000)
    >>> print(f"five times the errors are seen after {course.mean_stop / 2:.0f} units an arm, on average")
    five times the errors are seen after 303 units an arm, on average
    """
    if not (0 < control < 1 and 0 < treatment < 1 and units > 0) or (rule.side == "either" and control == treatment):
        raise ValueError(f"rates of {control} and {treatment} in {units} units can't be planned for")
    rate = rule.share * treatment + (1 - rule.share) * control
    expected = units * rate
    most = ceil(expected + BEYOND * sqrt(expected) + 10)
    step = ceil(most / MOST_STEPS)
    counts = np.arange(step, most + 1, step)
    up, down = _walk(rule, counts, rule.share * treatment / rate)
    won = up if rule.side == "more" or (rule.side == "either" and treatment > control) else down
    looks = units * np.arange(1, GRID + 1) / GRID
    reached = scipy.special.pdtrc(counts[None, :] - 1, looks[:, None] * rate)
    power, ended = np.minimum(reached @ won, 1.0), np.minimum(reached @ (up + down), 1.0)
    still = np.concatenate(([1.0], 1 - ended))
    mean_stop = float(np.sum((still[1:] + still[:-1]) / 2) * units / GRID)
    return Course(tuple(looks.tolist()), tuple(power.tolist()), mean_stop=mean_stop)


def _walk(rule: ConversionRule, counts: NDArray[np.int_], share: float) -> tuple[Floats, Floats]:
    """The probability of stopping at each number of conversions, upwards and downwards, given the treated share."""
    step = int(counts[0])
    jump = _binomial(step, share)
    mass, first = np.ones(1), 0
    high, low = 0, -1
    up, down = np.zeros(len(counts)), np.zeros(len(counts))
    for look, count in enumerate(counts.tolist()):
        high, low = _edges(rule, count, high, low + step)
        mass = np.convolve(mass, jump)
        at = first + np.arange(len(mass))
        up[look], down[look] = mass[at >= high].sum(), mass[at <= low].sum()
        near = np.abs(at - count * share) <= REACH * sqrt(count * share * (1 - share)) + step
        inside = (at < high) & (at > low) & near
        if not inside.any():
            break
        mass, first = mass[inside], int(at[inside][0])
    return up, down


def _binomial(n: int, share: float) -> Floats:
    k = np.arange(n + 1)
    ways: Floats = scipy.special.gammaln(n + 1) - scipy.special.gammaln(k + 1) - scipy.special.gammaln(n - k + 1)
    chances: Floats = np.exp(ways + k * log(share) + (n - k) * log1p(-share))
    return chances


def _edges(rule: ConversionRule, count: int, high: int, low: int) -> tuple[int, int]:
    """The fewest treated of ``count`` that stop upwards, and the most that stop downwards, given the previous ones."""

    def stops(treated: int) -> bool:
        return rule.rejects(count - treated, treated)

    null = _null(rule) * count
    if rule.side == "fewer":
        high = count + 1
    else:
        high = max(high, ceil(null))
        while high <= count and not stops(high):
            high += 1
    if rule.side == "more":
        return high, -1
    low = min(low, int(null))
    while low >= 0 and not stops(low):
        low -= 1
    return high, low


def _null(rule: ConversionRule) -> float:
    odds = rule.share * (1 + rule.margin)
    return odds / (odds + 1 - rule.share)
