"""Planned looks: O'Brien-Fleming bounds for looks agreed in advance, and alpha spending for unplanned times."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import inf, sqrt

import scipy  # its `optimize` and `special` load at their first use, because they are slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arguments import check_alpha, check_level
from fairtrial.stats.effects import Effect, monitorable
from fairtrial.stats.sequential.crossing import Exits, exits

__all__ = ["inflation", "obrien_fleming", "planned_look", "spending_bounds", "spent_look"]

LOOKS = 10
"""The default number of looks; for 80 % power they cost at most 4 % more units."""
MOST_LOOKS = 100
FARTHEST = 9.0
"""A bound of |Z| that is never reached. An error smaller than it spends is rounded to 0."""


@lru_cache(maxsize=256)
def obrien_fleming(looks: int, *, alpha: float = 0.05) -> float:
    """The constant C with which ``looks`` equally spaced looks spend ``alpha`` in total, two-sided.

    Look k rejects where |Z| ≥ C √(looks/k). Early looks can therefore detect hardly anything, and the last look is
    almost a test with one look. Raises `ValueError` unless there are 1 to 100 looks and α is between 0 and 1.

    Source: O'Brien & Fleming (1979), Biometrics 35:549-556; C as C_B(K, α) in Jennison & Turnbull (2000), Group
    Sequential Methods, table 2.3.

    >>> print(f"{obrien_fleming(5):.3f}")
    2.040
    """
    if not (1 <= looks <= MOST_LOOKS and 0 < alpha < 1):
        raise ValueError(f"a plan has 1 to {MOST_LOOKS} looks, not {looks}, and α between 0 and 1, not {alpha}")
    z = -float(scipy.special.ndtri(alpha / 2))

    def spent_too_much(constant: float) -> float:
        probabilities = planned_exits(looks, constant, drift=0.0)
        return sum(probabilities.up) + sum(probabilities.down) - alpha

    # C is between z of one look and z of α/looks, because each further look adds its own error probability.
    highest = -float(scipy.special.ndtri(alpha / 2 / looks))
    return z if looks == 1 else float(scipy.optimize.brentq(spent_too_much, z, highest, xtol=1e-9))


@lru_cache(maxsize=256)
def inflation(looks: int, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """How much the largest sample with planned looks exceeds that of a single look with the same power.

    Source: Jennison & Turnbull (2000), Group Sequential Methods, R_B(K, α, β) in table 2.4.

    >>> print(f"five looks cost at most {inflation(5) - 1:.1%} more units")
    five looks cost at most 2.8% more units
    """
    if not alpha < power < 1:
        raise ValueError(f"a power of {power} must lie between α = {alpha} and 1")
    constant = obrien_fleming(looks, alpha=alpha)
    single = float(scipy.special.ndtri(1 - alpha / 2) + scipy.special.ndtri(power))

    def missing(drift: float) -> float:
        return sum(planned_exits(looks, constant, drift=drift).up) - power

    drift = float(scipy.optimize.brentq(missing, single * 0.9, single * 1.5, xtol=1e-9))
    return (drift / single) ** 2


def planned_look(effect: Effect | NotEnough, *, look: int, looks: int, level: float = 0.95) -> Estimate | NotEnough:
    """The interval at look ``look`` of ``looks``; all of them cover the effect at once with probability ``level``.

    It is value ± C √(looks/look) √V, the repeated confidence interval of O'Brien & Fleming's test. V is the larger
    variance that repeated looks need (``watched`` of `Effect`). With the smaller one, one-sided bounds at 5 % err in 7
    % for rates at a split of 80/20. The interval holds only at the looks of the plan, equally spaced in units, so it is
    not always valid. For looks at other times, see `spent_look`. Returns `NotEnough` where the effect is ``not_yet``
    ready for a look or shows no spread. Raises `ValueError` for a look that is not in the plan.

    Source: Jennison & Turnbull (1989), J. R. Stat. Soc. B 51:305-361.

    >>> print(planned_look(Effect(value=0.04, variance=0.0001, n=1800, method="difference"), look=4, looks=5))
    0.04 (0.01719 to 0.06281; 95 %, n = 1,800, difference, look 4 of 5 (O'Brien-Fleming))
    """
    check_level(level)
    if not 1 <= look <= looks:
        raise ValueError(f"look {look} is not one of the {looks} planned looks")
    monitored = monitorable(effect)
    if isinstance(monitored, NotEnough):
        return monitored
    bound = obrien_fleming(looks, alpha=round(1 - level, 12))
    halves = (bound * sqrt(looks / look * variance) for variance in monitored.ends)
    method = f"{monitored.method}, look {look} of {looks} (O'Brien-Fleming)"
    return Estimate(monitored.value, *monitored.around(*halves), level, monitored.n, method)


def planned_exits(looks: int, constant: float, *, drift: float) -> Exits:
    """The exits of a test with ``looks`` equally spaced looks, the last at information 1, within ±constant."""
    times = [k / looks for k in range(1, looks + 1)]
    return exits(times, [-constant] * looks, [constant] * looks, drift=drift)


@lru_cache(maxsize=256)
def spending_bounds(times: tuple[float, ...], *, alpha: float = 0.05) -> tuple[float, ...]:
    """Two-sided bounds of |Z| for looks at these shares of the planned information, with O'Brien-Fleming-like spending.

    ``times`` gives the information so far as a share of the planned information, ascending and above 0. A look at 1 or
    beyond spends all that is left. Each bound depends only on the looks so far, so it never changes later. It is ∞ for
    a look that can't find anything, because almost no error may be spent yet, or because all of it was spent before.
    Raises `ValueError` for times that do not ascend.

    Source: Lan & DeMets (1983), Biometrika 70:659-663, α₁*: 2 − 2 Φ(z/√t) on each of the two sides.

    >>> print(" ".join(f"{bound:.3f}" for bound in spending_bounds((0.2, 0.4, 0.6, 0.8, 1.0))))
    4.877 3.357 2.680 2.290 2.031
    """
    check_alpha(alpha)
    if not times or not (times[0] > 0 and all(a < b for a, b in pairwise(times)) and times[-1] < inf):
        raise ValueError("the information at the looks must ascend, from above 0")
    bounds: list[float] = []
    for k in range(len(times)):
        bounds.append(_next_bound(times[: k + 1], bounds, _spent(times[k], alpha)))
    return tuple(bounds)


def spent_look(effect: Effect | NotEnough, *, times: tuple[float, ...], level: float = 0.95) -> Estimate | NotEnough:
    """The interval at the last look in ``times``; the intervals of all looks hold at once with probability ``level``.

    ``times`` is as in `spending_bounds`, with this look last. The interval holds if the plan, not the data, determined
    when the looks were taken. It uses the variance of `planned_look`. Returns `NotEnough` where the effect is
    ``not_yet`` ready for a look or shows no spread, or where the look is too early to find anything.

    Source: Jennison & Turnbull (1989), J. R. Stat. Soc. B 51:305-361, with the bounds of Lan & DeMets (1983).

    >>> print(spent_look(Effect(value=0.04, variance=0.0001, n=1800, method="difference"), times=(0.3, 0.7)))
    0.04 (0.01561 to 0.06439; 95 %, n = 1,800, difference, look 2 (alpha spending))
    """
    check_level(level)
    bound = spending_bounds(times, alpha=round(1 - level, 12))[-1]
    monitored = monitorable(effect)
    if isinstance(monitored, NotEnough):
        return monitored
    if bound == inf:
        late = len(times) > 1 and times[-2] >= 1
        reason = "the look at the end of the plan was the last" if late else f"{times[-1]:.0%} of the plan is too early"
        return NotEnough(reason, "a new plan" if late else "more units", monitored.n)
    halves = (bound * sqrt(variance) for variance in monitored.ends)
    method = f"{monitored.method}, look {len(times)} (alpha spending)"
    return Estimate(monitored.value, *monitored.around(*halves), level, monitored.n, method)


def _spent(time: float, alpha: float) -> float:
    """The error that may be spent by then."""
    return float(4 * scipy.special.ndtr(scipy.special.ndtri(alpha / 4) / sqrt(time))) if time < 1 else alpha


def _next_bound(times: Sequence[float], before: Sequence[float], spent: float) -> float:
    """The bound at the last look with which all looks together spend ``spent``."""

    if len(times) > 1 and times[-2] >= 1:
        return inf  # everything is spent; the rest is rounding

    def too_much(bound: float) -> float:
        high = [z * sqrt(time) for z, time in zip([*before, bound], times, strict=True)]
        probabilities = exits(times, [-limit for limit in high], high, drift=0.0)
        return sum(probabilities.up) + sum(probabilities.down) - spent

    return float(scipy.optimize.brentq(too_much, 0.0, FARTHEST, xtol=1e-9)) if too_much(FARTHEST) < 0 else inf
