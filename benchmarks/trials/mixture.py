"""The normal mixture for many paths at once, and the check that it's the library's own."""

from __future__ import annotations

from math import log

import numpy as np

from benchmarks.trials.trial import Bools, Floats
from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.always_valid import always_valid, at_least
from fairtrial.stats.effects import Effect, fixed

TOLERANCE = 1e-10
"""Of the standard error: sums of 100,000 squares are not the same to the last bit in another order of operations."""


class Looks:
    """The looks of a block: (paths, looks) arrays of an effect, its variance, and whether it may be looked at."""

    def __init__(
        self, value: Floats, variance: Floats, ready: Bools, unseen: tuple[Floats, Floats] | None = None
    ) -> None:
        self.value = value
        self.unseen = unseen or (np.zeros_like(value), np.zeros_like(value))
        self.varies = variance + np.minimum(*self.unseen) > 0
        self.ready = ready & self.varies
        self.variance = np.where(self.varies, variance, 1.0)

    def mirrored(self) -> Looks:
        """The same with the sign turned, so that what is below is above."""
        return Looks(-self.value, self.variance, self.ready, self.unseen[::-1])

    def half_squared(self, *, tau: float, alpha: float, null: float = 0.0) -> Floats:
        """The square of `always_valid`'s half-width, towards the null."""
        v, t2 = self.variance + np.where(self.value > null, *self.unseen), tau * tau
        more = v + t2
        return v * more / t2 * (np.log(more / v) - 2 * log(alpha))

    def excluded(self, *, tau: float, alpha: float = 0.05, null: float = 0.0) -> Bools:
        """Whether `always_valid` excludes the null, at each look."""
        return self.ready & ((self.value - null) ** 2 > self.half_squared(tau=tau, alpha=alpha, null=null))

    def above(self, *, tau: float, alpha: float = 0.05, null: float = 0.0) -> Bools:
        """Whether `at_least` is above the null, at each look."""
        v, t2, d = self.variance + self.unseen[0], tau * tau, self.value - null
        more = v + t2
        bound = 2 * v * more / t2 * np.log1p(np.sqrt(more / v) / (2 * alpha))
        return self.ready & (d > 0) & (d * d > bound)

    def naive(self, *, z: float = 1.959963984540054) -> Bools:
        """Whether the interval for one planned look excludes 0, at each look, guarded by nothing: what peeking does."""
        return self.varies & (self.value**2 > z * z * self.variance)


def agree(looks: Looks, at: tuple[int, int], effect: Effect | NotEnough, *, tau: float, alpha: float = 0.05) -> None:
    """Raise unless the library says the same of this path at this look: effect, interval, bound and readiness."""
    interval, bound = always_valid(effect, tau=tau, level=1 - alpha), at_least(effect, tau=tau, alpha=alpha)
    if isinstance(interval, NotEnough) or isinstance(effect, NotEnough) or isinstance(bound, NotEnough):
        assert not looks.ready[at], f"the library can't decide here, the simulation can: {interval}"
        return
    assert looks.ready[at], f"the library decides here, the simulation can't: {interval}"
    value, variance = float(looks.value[at]), float(looks.variance[at])
    watched = max(effect.variance, effect.watched or 0.0)
    near = TOLERANCE * variance**0.5
    half = float(np.sqrt(looks.half_squared(tau=tau, alpha=alpha, null=-np.inf)[at]))
    low = max(effect.within[0], value - half)
    known = [(float(mine[at]) ** 0.5, theirs**0.5) for mine, theirs in zip(looks.unseen, effect.unseen, strict=True)]
    for mine, theirs in ((value, effect.value), (variance**0.5, watched**0.5), (low, interval.low), *known):
        assert abs(mine - theirs) <= near, f"{mine!r} here, {theirs!r} by the library"
    for mine, theirs in (
        (bool(looks.excluded(tau=tau, alpha=alpha)[at]), not interval.low <= 0 <= interval.high),
        (bool(looks.above(tau=tau, alpha=alpha)[at]), bound.low > 0),
    ):
        assert mine == theirs, f"excluded here: {mine}, by the library: {theirs}, {interval}"


def excludes(effect: Effect | NotEnough, null: float = 0.0) -> bool:
    """Whether the interval for one planned look excludes the null."""
    found = fixed(effect)
    return not isinstance(found, NotEnough) and not found.low <= null <= found.high
