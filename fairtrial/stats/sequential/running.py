"""The running decision over all looks so far; a later look can sharpen it but never revoke it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import exp, inf, isfinite
from typing import Any, Literal, Self

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.e_values import EValue

__all__ = ["RunningDecision"]


# Not an `Estimate`, because it has a state before the first interval; `interval` returns one.
@dataclass(frozen=True, slots=True)
class RunningDecision:
    """The intersection of the always-valid intervals of all looks, and the largest e-value.

    The intervals of all looks cover the effect together with probability ``level``, and so does their intersection.
    Once it excludes 0, it always does. ``low`` and ``high`` are its ends, −∞ and ∞ before the first look with an
    interval. ``log_e`` is the largest evidence so far, at least ln 1, or ``None`` before the first. ``looks`` counts
    all looks, including those without enough data. ``value``, ``n`` and ``method`` are those of the last look with an
    interval.

    Intervals that exclude each other (``broken``) can't all be right. This has a probability of at most 1 − level,
    unless the effect itself has changed. No further conclusions are then drawn, and `interval` says why.

    Source: Howard, Ramdas, McAuliffe & Sekhon (2021), Ann. Stat. 49(2):1055-1080, running intersections; Johari et
    al. (2022), Oper. Res. 70(3), always-valid p-values.

    >>> first = Estimate(0.04, -0.01, 0.09, 0.95, 400, "difference", always_valid=True)
    >>> second = Estimate(0.05, 0.005, 0.10, 0.95, 800, "difference", always_valid=True)
    >>> print(RunningDecision().after(first).after(second).interval())
    0.05 (0.005 to 0.09; 95 %, n = 800, difference, all looks)
    """

    low: float = -inf
    high: float = inf
    log_e: float | None = None
    looks: int = 0
    broken: bool = False
    value: float | None = None
    level: float | None = None
    n: int = 0
    method: str = ""

    def after(self, look: Estimate | NotEnough, evidence: EValue | NotEnough | None = None) -> Self:
        """The state after one more look; a look without enough data counts but changes nothing.

        Raises `ValueError` for an interval that is not always valid, or that has another level than those before. The
        looks would then guarantee nothing together.
        """
        found = replace(self, looks=self.looks + 1)
        if isinstance(evidence, EValue):
            found = replace(found, log_e=max(self.log_e or 0.0, evidence.log_e), n=evidence.n)
        return found if isinstance(look, NotEnough) else found._narrowed(look)

    def interval(self) -> Estimate | NotEnough:
        """The intersection as an estimate; `NotEnough` before the first interval, and if intervals are disjoint.

        Its ``value`` is that of the last look, moved to the nearest end where it lies outside.
        """
        if self.broken:
            reason = (
                f"the intervals of {self.looks} looks exclude each other: the effect has changed, or this is chance"
            )
            return NotEnough(reason, "a new segment, from when the effect may have changed", self.n)
        if self.value is None or self.level is None:
            return NotEnough(f"none of {self.looks} looks had an interval", "a look with enough units", self.n)
        value = min(max(self.value, self.low), self.high)
        method = f"{self.method}, all looks"
        return Estimate(value, self.low, self.high, self.level, self.n, method, always_valid=True)

    @property
    def p(self) -> float | None:
        """The always-valid p-value: the smallest of all looks, at most 1; ``None`` without evidence."""
        return None if self.log_e is None else exp(-self.log_e)

    def side(self, null: float = 0.0) -> Literal["above", "below"] | None:
        """The proven side of ``null``; ``None`` while undecided, or if intervals are disjoint."""
        if self.broken:
            return None
        return "above" if self.low > null else "below" if self.high < null else None

    def stored(self) -> dict[str, Any]:
        """The fields for JSON, with ``None`` for an infinite end."""
        fields = asdict(self)
        return fields | {name: fields[name] if isfinite(fields[name]) else None for name in ("low", "high")}

    @classmethod
    def restored(cls, fields: Mapping[str, Any]) -> Self:
        """The inverse of `stored`."""
        ends = {name: end for name, end in (("low", -inf), ("high", inf)) if fields[name] is None}
        return cls(**(dict(fields) | ends))

    def _narrowed(self, look: Estimate) -> Self:
        if not look.low <= look.high:
            raise ValueError(f"an interval can't reach from {look.low} to {look.high}")
        if not look.always_valid:
            raise ValueError(f"{look.method}: an interval for one look can't be used for repeated looks")
        if self.level is not None and abs(look.level - self.level) > 1e-12:
            raise ValueError(f"a look at level {look.level} can't follow looks at level {self.level}")
        if self.broken:
            return self
        low, high = max(self.low, look.low), min(self.high, look.high)
        if low > high:
            return replace(self, broken=True, n=look.n)
        return replace(self, low=low, high=high, value=look.value, level=look.level, n=look.n, method=look.method)
