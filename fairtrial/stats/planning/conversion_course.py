"""The course of a trial of rare events: which conversion counts stop it, and how likely they are."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, log1p, sqrt
from typing import Literal

import numpy as np
import scipy  # its `special` loads at its first use, because it is slow to load
from numpy.typing import NDArray

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.planning.courses import Course
from fairtrial.stats.sequential.conversions import conversion_evidence, conversion_harm

__all__ = ["ConversionRule", "conversion_course"]

Array = NDArray[np.float64]
MOST_STEPS = 600
"""The maximum number of looks. With more conversions than this, several occur between two looks."""
GRID = 200
"""The number of sample sizes for which the course is computed."""
BEYOND = 6.0
"""The range that is computed, in standard deviations around the mean number of conversions."""
REACH = 9.0


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
            found = conversion_evidence(control, treatment, lift=self.lift, share=self.share)
        elif self.side == "more":
            found = conversion_harm(control, treatment, lift=self.lift, share=self.share, margin=self.margin)
        else:
            back = 1 / (1 + self.margin) - 1
            found = conversion_harm(treatment, control, lift=self.lift, share=1 - self.share, margin=back)
        return not isinstance(found, NotEnough) and bool(found.rejects(self.alpha))


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
    return Course(tuple(looks.tolist()), tuple(power.tolist()), mean_stop)


def _walk(rule: ConversionRule, counts: NDArray[np.int_], share: float) -> tuple[Array, Array]:
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
        kept = (at < high) & (at > low) & near
        if not kept.any():
            break
        mass, first = mass[kept], int(at[kept][0])
    return up, down


def _binomial(n: int, share: float) -> Array:
    k = np.arange(n + 1)
    ways: Array = scipy.special.gammaln(n + 1) - scipy.special.gammaln(k + 1) - scipy.special.gammaln(n - k + 1)
    chances: Array = np.exp(ways + k * log(share) + (n - k) * log1p(-share))
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
