"""Planned looks: O'Brien-Fleming bounds, alpha spending, and the probabilities that a random walk crosses bounds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from math import ceil, inf, pi, sqrt

import numpy as np
import scipy  # its `optimize` and `special` load at their first use, because they are slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.arguments import Floats, check_alpha, check_finite, check_level
from fairtrial.stats.effects import Effect, monitorable

__all__ = ["Exits", "exits", "inflation", "obrien_fleming", "spending_bounds", "spent_look"]

REACH = 8.0
"""How many standard deviations of the walk are computed; values outside have a probability of 1e-15."""
FEWEST, MOST = 32, 600
"""The number of points at which the density between the bounds is stored."""

LOOKS = 10
"""The default number of looks; for 80 % power they cost at most 4 % more units."""
MOST_LOOKS = 100
FARTHEST = 9.0
"""A bound of |Z| that is never reached. An error smaller than it spends is rounded to 0."""


@dataclass(frozen=True, slots=True)
class Exits:
    """Where and when a walk exits; each field has one value for each look.

    ``times`` is the information at the looks. ``up`` and ``down`` are the probabilities of a first exit on that side at
    that look. ``slope_up`` is the mean of S/t, the estimate of the drift, over the walks that exit upwards there, times
    ``up``.

    >>> found = exits([1.0], [-1.96], [1.96], drift=0.0)
    >>> round(found.up[0] + found.down[0], 3)
    0.05
    """

    times: tuple[float, ...]
    up: tuple[float, ...]
    down: tuple[float, ...]
    slope_up: tuple[float, ...]

    @property
    def mean_time(self) -> float:
        """The mean information at the end: at the exit, or at the last look for walks without one."""
        left = np.add(self.up, self.down)
        return float(np.dot(left, self.times) + (1 - left.sum()) * self.times[-1])

    @property
    def mean_slope_up(self) -> float | None:
        """The mean drift estimate of walks that exit upwards; ``None`` if almost none does."""
        won = sum(self.up)
        return sum(self.slope_up) / won if won > 1e-9 else None


def exits(times: Sequence[float], low: Sequence[float], high: Sequence[float], *, drift: float) -> Exits:
    """The probabilities that S(t) ~ N(drift · t, t), with independent increments, first exits (low, high) at each look.

    ``times`` is the information at the looks, ascending and above 0. ``low`` and ``high`` are the bounds of S at each
    look, ∓inf where there is none. The method is recursive numerical integration: it carries the density of the walks
    that are still inside from look to look, at Gauss-Legendre points. These are close enough for steps of a thousandth
    of the whole. Raises `ValueError` for times that do not ascend, for bounds that cross, and for numbers of bounds and
    times that differ.

    Source: Armitage, McPherson & Rowe (1969), J. R. Stat. Soc. A 132:235-244; Jennison & Turnbull (2000), Group
    Sequential Methods, chapter 19.

    >>> times = [1, 2, 3, 4, 5]
    >>> found = exits(times, [-1.96 * t**0.5 for t in times], [1.96 * t**0.5 for t in times], drift=0.0)
    >>> print(f"five looks at 5 % are a test of {sum(found.up) + sum(found.down):.1%}")
    five looks at 5 % are a test of 14.2%
    """
    _check(times, low, high)
    check_finite(drift, what="the drift")
    walk = _Walk(drift)
    steps: list[tuple[float, float, float]] = []
    for look, time in enumerate(times):
        over, under = walk.out(time, low[look], high[look])
        steps.append((over[0], under[0], over[1] / time))
        if look + 1 < len(times):
            walk = walk.inside(time, low[look], high[look], times[look + 1])
    up, down, slope = zip(*steps, strict=True)
    return Exits(tuple(float(time) for time in times), up, down, slope)


@dataclass(frozen=True, slots=True)
class _Walk:
    """The density of the walks that are still inside the bounds at the time ``before``, at some points."""

    drift: float
    points: Floats = field(default_factory=lambda: np.zeros(1))
    mass: Floats = field(default_factory=lambda: np.ones(1))
    before: float = 0.0

    def out(self, time: float, low: float, high: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """What `_out` gives for each side at the next look."""
        means, spread = self._step(time)
        return _out(self.mass, means, spread, high), _out(self.mass, -means, spread, -low)

    def inside(self, time: float, low: float, high: float, following: float) -> "_Walk":
        """The walks that are inside at the next look, which the one at ``following`` needs."""
        means, spread = self._step(time)
        points, weights = _inside(low, high, (self.drift * time, time, following - time))
        mass = (_normal((points[:, None] - means) / spread) @ self.mass) * weights / spread
        return _Walk(self.drift, points, mass, time)

    def _step(self, time: float) -> tuple[Floats, float]:
        return self.points + self.drift * (time - self.before), sqrt(time - self.before)


def _check(times: Sequence[float], low: Sequence[float], high: Sequence[float]) -> None:
    if not len(times) == len(low) == len(high) > 0:
        raise ValueError(f"{len(times)} looks can't have {len(low)} lower and {len(high)} upper bounds")
    if not (times[0] > 0 and all(earlier < later for earlier, later in pairwise(times)) and times[-1] < inf):
        raise ValueError("the information at the looks must ascend, from above 0")
    if not all(under <= over for under, over in zip(low, high, strict=True)):
        raise ValueError("at each look, the lower bound must not exceed the upper one")


def _out(mass: Floats, means: Floats, spread: float, bound: float) -> tuple[float, float]:
    """The probability of being at or beyond the bound at this look, and the mean of the walk there times it."""
    if bound == inf:
        return 0.0, 0.0
    z = (bound - means) / spread
    beyond = scipy.special.ndtr(-z)
    return float(mass @ beyond), float(mass @ (means * beyond + spread * _normal(z)))


def _inside(low: float, high: float, walk: tuple[float, float, float]) -> tuple[Floats, Floats]:
    """Points between the bounds and their weights, spaced by the width of the next step.

    ``walk``: its mean and variance now, and the variance of its next step.
    """
    mean, variance, step = walk
    reach = REACH * sqrt(variance)
    left, right = max(low, mean - reach), min(high, mean + reach)
    if right <= left:
        return np.zeros(1), np.zeros(1)
    count = min(MOST, max(FEWEST, ceil(1.8 * (right - left) / sqrt(min(step, variance)))))
    nodes, weights = _gauss_legendre(16 * ceil(count / 16))
    half = (right - left) / 2
    return left + half * (nodes + 1), weights * half


@lru_cache(maxsize=64)
def _gauss_legendre(count: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


def _normal(z: Floats) -> Floats:
    return np.exp(-0.5 * z * z) / sqrt(2 * pi)


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


def planned_exits(looks: int, constant: float, *, drift: float) -> Exits:
    """The exits of a test with ``looks`` equally spaced looks, the last at information 1, within ±constant."""
    times = [k / looks for k in range(1, looks + 1)]
    return exits(times, [-constant] * looks, [constant] * looks, drift=drift)


@lru_cache(maxsize=256)
def spending_bounds(times: tuple[float, ...], *, alpha: float = 0.05, last: bool = False) -> tuple[float, ...]:
    """Two-sided bounds of |Z| for looks at these shares of the planned information, with O'Brien-Fleming-like spending.

    ``times`` gives the information so far as a share of the planned information, ascending and above 0. A look at 1 or
    beyond spends all that is left, and so does the final one if it is the ``last``, however little information there
    is. Each bound depends only on the looks so far, so it never changes later. It is ∞ for a look that can't find
    anything, because almost no error may be spent yet, or because all of it was spent before. Raises `ValueError` for
    times that do not ascend.

    Source: Lan & DeMets (1983), Biometrika 70:659-663, α₁*: 2 − 2 Φ(z/√t) on each of the two sides.

    >>> print(" ".join(f"{bound:.3f}" for bound in spending_bounds((0.2, 0.4, 0.6, 0.8, 1.0))))
    4.877 3.357 2.680 2.290 2.031
    """
    check_alpha(alpha)
    if not times or not (times[0] > 0 and all(a < b for a, b in pairwise(times)) and times[-1] < inf):
        raise ValueError("the information at the looks must ascend, from above 0")
    walk, bounds, exited = _Walk(0.0), list[float](), 0.0
    for look, time in enumerate(times):
        is_final = look + 1 == len(times)
        spent = alpha if last and is_final else _spent(time, alpha)
        over = look > 0 and times[look - 1] >= 1  # everything is spent; the rest is rounding
        bound = inf if over else _next_bound(walk, time, spent - exited)
        bounds.append(bound)
        limit = bound * sqrt(time)
        exited += sum(side[0] for side in walk.out(time, -limit, limit))
        if not is_final:
            walk = walk.inside(time, -limit, limit, times[look + 1])
    return tuple(bounds)


def spent_look(
    effect: Effect | NotEnough, *, times: tuple[float, ...], level: float = 0.95, last: bool = False
) -> Estimate | NotEnough:
    """The interval at the final look in ``times``; the intervals of all looks hold at once with probability ``level``.

    ``times`` and ``last`` are as in `spending_bounds`, with this look at the end. The interval holds if the plan, not
    the data, determined when the looks were taken. It uses the larger variance that repeated looks need (``watched`` of
    `Effect`). Returns `NotEnough` where the effect is ``not_yet`` ready for a look or shows no spread, or where the
    look is too early to find anything.

    Source: Jennison & Turnbull (1989), J. R. Stat. Soc. B 51:305-361, with the bounds of Lan & DeMets (1983).

    >>> print(spent_look(Effect(value=0.04, variance=0.0001, n=1800, method="difference"), times=(0.3, 0.7)))
    0.04 (0.01561 to 0.06439; 95 %, n = 1,800, difference, look 2 (alpha spending))
    """
    check_level(level)
    bound = spending_bounds(times, alpha=round(1 - level, 12), last=last)[-1]
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


def _next_bound(walk: _Walk, time: float, spent: float) -> float:
    """The bound at the next look with which it spends so much."""

    def too_much(bound: float) -> float:
        limit = bound * sqrt(time)
        return sum(side[0] for side in walk.out(time, -limit, limit)) - spent

    return float(scipy.optimize.brentq(too_much, 0.0, FARTHEST, xtol=1e-9)) if too_much(FARTHEST) < 0 else inf
