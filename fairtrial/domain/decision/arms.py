"""Defines the interval of a metric, and the level of one arm."""

import msgspec

from fairtrial.domain.estimates import Estimate, NotEnough


class Interval(msgspec.Struct, frozen=True):
    """Treatment − control with its interval at this confidence level; ``None`` is an end without a bound.

    An `Estimate` has infinite ends instead, which JSON can't contain.
    """

    value: float
    low: float | None
    high: float | None
    level: float
    n: int
    method: str = ""

    def estimate(self) -> Estimate:
        """The same as an estimate, with infinite ends."""
        low = float("-inf") if self.low is None else self.low
        high = float("inf") if self.high is None else self.high
        return Estimate(self.value, low, high, self.level, self.n, self.method, always_valid=True)


def interval_of(estimate: Estimate | NotEnough) -> Interval | None:
    """The interval of an estimate; ``None`` without enough data."""
    if isinstance(estimate, NotEnough):
        return None
    low, high = (end if abs(end) != float("inf") else None for end in (estimate.low, estimate.high))
    return Interval(estimate.value, low, high, estimate.level, estimate.n, estimate.method)


class Arm(msgspec.Struct, frozen=True):
    """The level of one arm on the metric's scale, and the units behind it."""

    variant: str
    level: float | None
    units: int
