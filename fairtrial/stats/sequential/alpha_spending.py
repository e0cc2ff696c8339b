"""Alpha spending: bounds for looks whose times were not planned, only how fast the error may be spent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import inf, sqrt

from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arguments import check_alpha, check_level
from fairtrial.stats.effects import Effect, watchable
from fairtrial.stats.sequential.crossing import exits

__all__ = ["spending_bounds", "spent_look"]

FARTHEST = 9.0
"""A bound of |Z| beyond which nothing is ever found: what is spent so early rounds to nothing."""


@lru_cache(maxsize=256)
def spending_bounds(times: tuple[float, ...], *, alpha: float = 0.05) -> tuple[float, ...]:
    """The bounds of |Z| at looks at these shares of the planned information, spent like O'Brien & Fleming, two-sided.

    ``times``: information so far over what was planned, ascending, above 0; a look at 1 or beyond spends all that is
    left. Each bound depends on the looks so far only, so that it never changes later. ∞ for a look that may not find
    anything: so early that next to nothing is spent, or after all was. `ValueError` for times that don't ascend.

    Source: Lan & DeMets (1983), Biometrika 70:659-663, α₁*: 2 − 2 Φ(z/√t) on each of the two sides.

    >>> print(" ".join(f"{bound:.3f}" for bound in spending_bounds((0.2, 0.4, 0.6, 0.8, 1.0))))
    4.877 3.357 2.680 2.290 2.031
    """
    check_alpha(alpha)
    if not times or not (times[0] > 0 and all(a < b for a, b in pairwise(times)) and times[-1] < inf):
        raise ValueError("the information at the looks must ascend, from above 0")
    found: list[float] = []
    for k in range(len(times)):
        found.append(_next_bound(times[: k + 1], found, _spent(times[k], alpha)))
    return tuple(found)


def spent_look(effect: Effect | NotEnough, *, times: tuple[float, ...], level: float = 0.95) -> Estimate | NotEnough:
    """The interval at the last of the looks at ``times``; those of all looks hold at once with chance ``level``.

    ``times``: as for `spending_bounds`, this look last. It holds at the looks that were taken when the plan, not the
    data, said so, with the variance of `planned_look`. `NotEnough` where the effect is ``not_yet`` to be looked at or
    shows no spread, or where the look is too early to find anything.

    Source: Jennison & Turnbull (1989), J. R. Stat. Soc. B 51:305-361, with the bounds of Lan & DeMets (1983).

    >>> print(spent_look(Effect(value=0.04, variance=0.0001, n=1800, method="difference"), times=(0.3, 0.7)))
    0.04 (0.01561 to 0.06439; 95 %, n = 1,800, difference, look 2 (alpha spending))
    """
    check_level(level)
    bound = spending_bounds(times, alpha=round(1 - level, 12))[-1]
    found = watchable(effect)
    if isinstance(found, NotEnough):
        return found
    if bound == inf:
        late = len(times) > 1 and times[-2] >= 1
        reason = "the look at the end of the plan was the last" if late else f"{times[-1]:.0%} of the plan is too early"
        return NotEnough(reason, "a new plan" if late else "more units", found.n)
    halves = (bound * sqrt(variance) for variance in found.ends)
    method = f"{found.method}, look {len(times)} (alpha spending)"
    return Estimate(found.value, *found.around(*halves), level, found.n, method)


def _spent(time: float, alpha: float) -> float:
    """The error that may be spent until then."""
    return float(4 * ndtr(ndtri(alpha / 4) / sqrt(time))) if time < 1 else alpha


def _next_bound(times: Sequence[float], before: Sequence[float], spent: float) -> float:
    """The bound at the last of the looks with which all of them together spend ``spent``."""

    if len(times) > 1 and times[-2] >= 1:
        return inf  # all is spent, and what is left over is rounding

    def too_much(bound: float) -> float:
        high = [z * sqrt(time) for z, time in zip([*before, bound], times, strict=True)]
        found = exits(times, [-one for one in high], high, drift=0.0)
        return sum(found.up) + sum(found.down) - spent

    return float(brentq(too_much, 0.0, FARTHEST, xtol=1e-9)) if too_much(FARTHEST) < 0 else inf
