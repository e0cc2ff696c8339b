"""Defines the sums of each arm, from which a look at an experiment is computed. They contain no units."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import msgspec

from fairtrial.domain.estimates import NotEnough
from fairtrial.domain.metrics import Method
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums
from fairtrial.stats.effects import Effect
from fairtrial.stats.sequential.request_errors import RequestErrors

MetricSums = RequestErrors | Amounts | QuantileSums | Feedback
TYPES: Mapping[Method, type[MetricSums]] = {
    "events": RequestErrors,
    "shares": RequestErrors,
    "amount": Amounts,
    "quantile": QuantileSums,
    "feedback": Feedback,
    "given": Feedback,
}
OPTIONAL = ("pessimistic", "shares", "with_earlier")
WEEKS, OVER_TIME = "weeks", "over_time"


@dataclass(frozen=True, slots=True)
class Level:
    """The mean level of ``n`` units of one arm in one week, on the metric's scale, with the variance of the mean."""

    n: int
    value: float
    variance: float

    @classmethod
    def of(cls, effect: Effect | NotEnough) -> Self | None:
        """The level as the statistics estimate it; ``None`` without enough units."""
        return None if isinstance(effect, NotEnough) else cls(effect.n, effect.value, effect.variance)


Levels = tuple[Level | None, ...]


@dataclass(frozen=True, slots=True)
class OverTime:
    """The level of the primary metric in one arm in each whole week.

    ``weeks``: since the plan began. ``ages``: since a unit's first exposure, over the same time. ``None``: no data.
    """

    weeks: Levels
    ages: Levels


@dataclass(frozen=True, slots=True)
class ArmSums:
    """One arm: ``units`` first exposed since the plan began, their ``requests``, and the sums of each metric.

    A metric without an entry has no data, or ``unknown`` says why it can't be computed. ``kept_away``: the requests
    that an open breaker kept from the arm, if the plan counts them apart. ``lost_units`` and ``lost_requests``: those
    that were assigned and never stored, if the plan compares both. ``over_time``: the primary metric by week, once a
    whole one is over.
    """

    units: int
    requests: int = 0
    metrics: Mapping[str, MetricSums] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    kept_away: int = 0
    lost_units: int = 0
    lost_requests: int = 0
    over_time: OverTime | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """All arms at the time ``at_us``, in microseconds since 1970, UTC."""

    at_us: int
    arms: Mapping[str, ArmSums]

    def updated(self, newer: "Sums") -> "Sums":
        """These sums with those that ``newer`` has, which may lack some metrics."""
        arms = {}
        for name, arm in newer.arms.items():
            old = self.arms[name]
            metrics = {metric: _with_shares(sums, old.metrics.get(metric)) for metric, sums in arm.metrics.items()}
            arms[name] = replace(arm, metrics={**old.metrics, **metrics}, unknown=old.unknown, over_time=old.over_time)
        return Sums(newer.at_us, arms)

    def with_weeks(self, over_time: Mapping[str, OverTime | None]) -> "Sums":
        """The same sums with the primary metric by week, by variant."""
        return Sums(self.at_us, {name: replace(arm, over_time=over_time.get(name)) for name, arm in self.arms.items()})

    def sizes(self) -> dict[tuple[str, str], float]:
        """The amount of data behind each metric of each arm, and its whole weeks, which only grow."""
        weeks = {(WEEKS, name): len(arm.over_time.weeks) for name, arm in self.arms.items() if arm.over_time}
        return (
            {(metric, name): _size(sums) for name, arm in self.arms.items() for metric, sums in arm.metrics.items()}
            | {("", name): float(arm.units) for name, arm in self.arms.items()}
            | weeks
        )


def _with_shares(newer: MetricSums, older: MetricSums | None) -> MetricSums:
    """Errors that were read without the shares of units keep those of the last look."""
    if isinstance(newer, RequestErrors) and isinstance(older, RequestErrors) and newer.shares is None:
        return replace(newer, shares=older.shares)
    return newer


def _size(sums: MetricSums) -> float:
    if isinstance(sums, Feedback):
        return sums.units + sums.given.n
    if isinstance(sums, Amounts):
        return sums.capped.n
    if isinstance(sums, QuantileSums):
        return sums.users.y
    return sums.requests.y + (0 if sums.shares is None else sums.shares.hour.n + sums.shares.day.n)


def stored_over_time(arm: ArmSums) -> dict[str, Any]:
    """The JSON values that store an arm's weeks beside its sums; empty without any."""
    return {OVER_TIME: msgspec.to_builtins(arm.over_time)} if arm.over_time is not None else {}


def restored_over_time(fields: Mapping[str, Any]) -> OverTime | None:
    """The inverse of `stored_over_time`; raises `msgspec.ValidationError`."""
    return msgspec.convert(fields.get(OVER_TIME), OverTime | None)


def stored(sums: MetricSums) -> dict[str, Any]:
    """The sums as JSON values; those of `OPTIONAL` are left out if there are none."""
    fields: dict[str, Any] = msgspec.to_builtins(sums)
    if fields.get("shares") and fields["shares"]["every"] is None:
        del fields["shares"]["every"]
    return {name: value for name, value in fields.items() if value is not None or name not in OPTIONAL}


def restored(method: Method, fields: Mapping[str, Any]) -> MetricSums:
    """The inverse of `stored`; raises `msgspec.ValidationError` or `ValueError`."""
    return msgspec.convert(fields, TYPES[method])
