"""Confidence sequences, which are valid at any number of looks, and the running decision over all looks so far."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import expm1, inf, isfinite, log, log1p, sqrt
from typing import Any, Self

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import NARROWEST_UNITS
from fairtrial.stats.arguments import check_alpha, check_finite, check_level, check_tau
from fairtrial.stats.e_values import EValue
from fairtrial.stats.effects import Effect, monitorable
from fairtrial.stats.intervals import quantile

__all__ = [
    "RunningDecision",
    "always_valid",
    "asymptotic",
    "at_least",
    "at_most",
    "cases_for_bound",
    "evidence",
    "evidence_above",
]

PER_ERROR = 2.82
"""The τ in standard errors at which the interval is narrowest."""


def always_valid(effect: Effect | NotEnough, *, tau: float, level: float = 0.95) -> Estimate | NotEnough:
    """The two-sided interval that covers the effect at all looks simultaneously with probability at least ``level``.

    ``tau`` is the standard deviation of the mixture N(0, τ²) on the effect's scale. It must be fixed and stored before
    the first look. The interval is narrowest where τ = 2.82 standard errors. The smallest effect that the experiment is
    planned for is 2.80 standard errors at 80 % power, so it is the best choice for τ. The interval never extends beyond
    the possible range of the effect. Returns `NotEnough` while the effect is ``not_yet`` ready for a look, or if it
    shows no spread.

    Source: Robbins (1970), Ann. Math. Stat. 41:1397-1409; Waudby-Smith et al. (2024), Ann. Stat. 52(6),
    arXiv:2103.06476, for estimated variances.

    >>> print(always_valid(Effect(value=0.04, variance=0.0001, n=1800, method="difference"), tau=0.03))
    0.04 (0.009643 to 0.07036; 95 %, n = 1,800, difference, always valid)
    """
    check_level(level)
    ready = _ready(effect, tau)
    if isinstance(ready, NotEnough):
        return ready
    method = f"{ready.method}, always valid"
    low, high = ready.around(*(half_width(variance, tau=tau, alpha=1 - level) for variance in ready.ends))
    return Estimate(ready.value, low, high, level, ready.n, method, always_valid=True)


def asymptotic(effect: Effect | NotEnough, *, units: int = NARROWEST_UNITS) -> Estimate | NotEnough:
    """The interval of `always_valid`, of 95 %, where no scale was fixed before: τ follows the estimated spread.

    It is narrowest at ``units`` units, which must be fixed before the first look. It is valid at all looks at one
    growing set of units, as their number grows. `NotEnough` is as in `always_valid`.

    Source: Waudby-Smith et al. (2024), Ann. Stat. 52(6), arXiv:2103.06476, theorem 2.2.

    >>> print(asymptotic(Effect(value=0.04, variance=0.0001, n=1800, method="difference")))
    0.04 (0.009456 to 0.07054; 95 %, n = 1,800, difference, always valid)
    """
    if isinstance(effect, NotEnough) or effect.variance <= 0:
        return always_valid(effect, tau=1.0)
    return always_valid(effect, tau=PER_ERROR * sqrt(effect.variance * effect.n / units))


def at_least(effect: Effect | NotEnough, *, tau: float, alpha: float = 0.05) -> Estimate | NotEnough:
    """The one-sided interval [bound, ∞): the effect is ever below its bound with probability at most ``alpha``.

    The bound is closer to the estimate than that of `always_valid`. The ``level`` is 1 − 2 α, as for all one-sided
    bounds in this library. ``tau`` and `NotEnough` are as in `always_valid`.

    Source: Waudby-Smith et al. (2024), arXiv:2103.06476, the one-sided sequence of its appendix.

    >>> print(at_least(Effect(value=0.04, variance=0.0001, n=1800, method="difference"), tau=0.03))
    0.04 (0.01217 to inf; 90 %, n = 1,800, difference, always valid, one-sided)
    """
    return _one_sided(effect, tau, alpha, lower=True)


def at_most(effect: Effect | NotEnough, *, tau: float, alpha: float = 0.05) -> Estimate | NotEnough:
    """The one-sided interval (−∞, bound], the mirror image of `at_least`.

    Source: as `at_least`.

    >>> print(at_most(Effect(value=0.04, variance=0.0001, n=1800, method="difference"), tau=0.03))
    0.04 (-inf to 0.06783; 90 %, n = 1,800, difference, always valid, one-sided)
    """
    return _one_sided(effect, tau, alpha, lower=False)


def evidence(effect: Effect | NotEnough, *, tau: float, null: float = 0.0) -> EValue | NotEnough:
    """The e-value against "the effect is ``null``". It reaches 1/α exactly when `always_valid` excludes ``null``.

    Source: Johari, Koomen, Pekelis & Walsh (2022), Oper. Res. 70(3), the mixture likelihood ratio.

    >>> round(evidence(Effect(value=0.04, variance=0.0001, n=1800, method="difference"), tau=0.03).p, 4)
    0.0024
    """
    check_finite(null, what="the null hypothesis")
    ready = _ready(effect, tau)
    if isinstance(ready, NotEnough):
        return ready
    d = ready.value - null
    v = ready.ends[0] if d > 0 else ready.ends[1] if d < 0 else max(ready.ends)
    won = 0.5 * log(v / (v + tau**2)) + tau**2 * d**2 / (2 * v * (v + tau**2))
    return EValue(won, ready.n, f"{ready.method}, normal mixture")


def evidence_above(effect: Effect | NotEnough, *, tau: float, null: float = 0.0) -> EValue | NotEnough:
    """The e-value against "the effect is at most ``null``". It reaches 1/α exactly when `at_least` excludes ``null``.

    Source: as `at_least`, whose bound inverts this e-value: e = 2 (exp(y) − 1) / √((V + τ²)/V), where y = τ²D²/(2V(V +
    τ²)).

    >>> round(evidence_above(Effect(value=0.04, variance=0.0001, n=1800, method="difference"), tau=0.03).p, 4)
    0.0012
    """
    check_finite(null, what="the null hypothesis")
    ready = _ready(effect, tau)
    if isinstance(ready, NotEnough):
        return ready
    v, d = ready.ends[0], ready.value - null
    y = tau**2 * d**2 / (2 * v * (v + tau**2)) if d > 0 else 0.0
    won = (log(2) + y + log(-expm1(-y)) - 0.5 * log((v + tau**2) / v)) if y > 0 else -inf
    return EValue(won, ready.n, f"{ready.method}, one-sided normal mixture")


def cases_for_bound(
    distance: float, *, variance: float, tau: float, alpha: float = 0.05, power: float = 0.8, near: int = 1
) -> int:
    """The number of units that bring the bound of `at_least` within ``distance`` of the true effect, with this power.

    ``distance`` is measured from the true difference to the limit, and is above 0. ``variance`` is that of one unit;
    ``tau`` and ``alpha`` are as in `at_least`. The half-width falls with the number of units, so doubling and bisection
    find the number; the search begins at ``near``.

    Source: as `at_least`.

    >>> cases_for_bound(0.05, variance=0.1, tau=0.05)
    532
    """
    z = quantile(2 * power - 1)

    def enough(n: int) -> bool:
        v = variance / n
        return one_sided_half_width(v, tau=tau, alpha=alpha) + z * sqrt(v) <= distance

    least, most, step = 0, near, 1
    while not enough(most):
        least, most, step = most, most + step, 2 * step
    if least == 0:
        while most > step and enough(most - step):
            most, step = most - step, 2 * step
        least = max(0, most - step)
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if enough(middle) else (middle, most)
    return most


def half_width(variance: float, *, tau: float, alpha: float) -> float:
    """Half the width of the two-sided interval, for a variance above 0."""
    v, t2 = variance, tau**2
    return sqrt(v * (v + t2) / t2 * (2 * log(1 / alpha) + log((v + t2) / v)))


def one_sided_half_width(variance: float, *, tau: float, alpha: float) -> float:
    """The distance to the one-sided bound, for a variance above 0."""
    v, t2 = variance, tau**2
    return sqrt(2 * v * (v + t2) / t2 * log1p(sqrt((v + t2) / v) / (2 * alpha)))


def _one_sided(effect: Effect | NotEnough, tau: float, alpha: float, *, lower: bool) -> Estimate | NotEnough:
    check_alpha(alpha, most=0.5)
    ready = _ready(effect, tau)
    if isinstance(ready, NotEnough):
        return ready
    low, high = ready.around(one_sided_half_width(ready.ends[0 if lower else 1], tau=tau, alpha=alpha))
    ends, method = (low, inf) if lower else (-inf, high), f"{ready.method}, always valid, one-sided"
    return Estimate(ready.value, *ends, 1 - 2 * alpha, ready.n, method, always_valid=True)


def _ready(effect: Effect | NotEnough, tau: float) -> Effect | NotEnough:
    check_tau(tau)
    return monitorable(effect)


# Not an `Estimate`, because it has a state before the first interval; `interval` returns one.
@dataclass(frozen=True, slots=True)
class RunningDecision:
    """The intersection of the always-valid intervals of all looks, and the largest e-value.

    The intervals of all looks cover the effect together with probability ``level``, and so does their intersection.
    Once it excludes 0, it always does. ``shared`` is the last look with an interval, with the ends of the intersection,
    or ``None`` before the first. ``log_e`` is the largest evidence so far, at least ln 1, or ``None`` before the first.
    ``looks`` counts all looks, including those without enough data.

    Intervals that exclude each other (``broken``) can't all be right. This has a probability of at most 1 − level,
    unless the effect itself has changed. No further conclusions are then drawn, and `interval` says why.

    Source: Howard, Ramdas, McAuliffe & Sekhon (2021), Ann. Stat. 49(2):1055-1080, running intersections; Johari et
    al. (2022), Oper. Res. 70(3), always-valid p-values.

    >>> first = Estimate(0.04, -0.01, 0.09, 0.95, 400, "difference", always_valid=True)
    >>> second = Estimate(0.05, 0.005, 0.10, 0.95, 800, "difference", always_valid=True)
    >>> print(RunningDecision().after(first).after(second).interval())
    0.05 (0.005 to 0.09; 95 %, n = 800, difference, all looks)
    """

    shared: Estimate | None = None
    log_e: float | None = None
    looks: int = 0
    broken: bool = False

    def after(self, look: Estimate | NotEnough, evidence: EValue | NotEnough | None = None) -> Self:
        """The state after one more look; a look without enough data counts but changes nothing.

        Raises `ValueError` for an interval that is not always valid, or that has another level than those before. The
        looks would then guarantee nothing together.
        """
        decision = replace(self, looks=self.looks + 1)
        if isinstance(evidence, EValue):
            decision = replace(decision, log_e=max(self.log_e or 0.0, evidence.log_e))
        return decision if isinstance(look, NotEnough) else decision._narrowed(look)

    def interval(self) -> Estimate | NotEnough:
        """The intersection as an estimate; `NotEnough` before the first interval, and if intervals are disjoint.

        Its ``value`` is that of the last look, moved to the nearest end where it lies outside.
        """
        if self.shared is None:
            return NotEnough(f"none of {self.looks} looks had an interval", "a look with enough units")
        if self.broken:
            reason = (
                f"the intervals of {self.looks} looks exclude each other: the effect has changed, or this is chance"
            )
            return NotEnough(reason, "a new segment, from when the effect may have changed", self.shared.n)
        value = min(max(self.shared.value, self.low), self.high)
        return replace(self.shared, value=value, method=f"{self.shared.method}, all looks")

    @property
    def low(self) -> float:
        return -inf if self.shared is None else self.shared.low

    @property
    def high(self) -> float:
        return inf if self.shared is None else self.shared.high

    def stored(self) -> dict[str, Any]:
        """The fields for JSON, with ``None`` for an infinite end."""
        last = {"value": None, "level": None, "n": 0, "method": ""} if self.shared is None else asdict(self.shared)
        return {
            **{name: end if isfinite(end) else None for name, end in (("low", self.low), ("high", self.high))},
            "log_e": self.log_e,
            "looks": self.looks,
            "broken": self.broken,
            **{name: last[name] for name in ("value", "level", "n", "method")},
        }

    @classmethod
    def restored(cls, fields: Mapping[str, Any]) -> Self:
        """The inverse of `stored`."""
        last = {name: fields[name] for name in ("value", "low", "high", "level", "n", "method")}
        last |= {name: end for name, end in (("low", -inf), ("high", inf)) if last[name] is None}
        shared = None if last["value"] is None else Estimate(**last, always_valid=True)
        return cls(shared, fields["log_e"], fields["looks"], fields["broken"])

    def _narrowed(self, look: Estimate) -> Self:
        if not look.low <= look.high:
            raise ValueError(f"an interval can't reach from {look.low} to {look.high}")
        if not look.always_valid:
            raise ValueError(f"{look.method}: an interval for one look can't be used for repeated looks")
        last = self.shared
        if last is not None and abs(look.level - last.level) > 1e-12:
            raise ValueError(f"a look at level {look.level} can't follow looks at level {last.level}")
        if self.broken:
            return self
        low, high = max(self.low, look.low), min(self.high, look.high)
        if last is not None and low > high:
            return replace(self, broken=True, shared=replace(last, n=look.n))
        return replace(self, shared=replace(look, low=low, high=high))
