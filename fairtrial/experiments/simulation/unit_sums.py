"""Computes the sums of simulated units as functions of time: feedback, shares of bad requests, levels by week."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fairtrial.domain.limits.constants import DAY_US, HOUR_US, MINUTE_US, WEEK_US
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.simulation.people import NEVER, Bools, Ints, People, SimulatedArm, World
from fairtrial.experiments.sums import Level, Levels, OverTime
from fairtrial.stats.arguments import Floats
from fairtrial.stats.arms.means import mean
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums, quantile_level
from fairtrial.stats.sequential.request_errors import ErrorShares, EveryRequest
from fairtrial.stats.sequential.unit_shares import BINS, UnitShares, bins_of
from fairtrial.stats.sums import JointMoments, Moments

FAILING = ("failed", "attempts_failed", "user_failed")
"""The counted columns that a simulated failure is in; no other event happens to a simulated request."""

LATE_US = MINUTE_US
GOLDEN = 0.618033988749895
WeeksReader = Callable[[int], OverTime | None]


@dataclass(frozen=True, slots=True)
class MetricCourse:
    """``rows[k]`` are the totals after the first ``k`` changes, which happen at ``at_us``."""

    at_us: Ints
    rows: Floats

    @classmethod
    def of(cls, at_us: Ints, *changes: Floats | Bools) -> Self:
        """The totals of these changes, in the order of their times."""
        order = np.argsort(at_us, kind="stable")
        rows = np.zeros((len(at_us) + 1, len(changes)))
        for column, change in enumerate(changes):
            np.cumsum(change[order], out=rows[1:, column], dtype=np.float64)
        return cls(at_us[order], rows)

    def at(self, now_us: int) -> list[float]:
        """The totals at a time, which itself counts."""
        totals: list[float] = self.rows[np.searchsorted(self.at_us, now_us, side="right")].tolist()
        return totals


@dataclass(frozen=True, slots=True)
class ByUnit:
    """Values in the order of units and times: ``starts`` are the first ones, ``number`` counts each unit's from 1."""

    starts: Bools
    number: Floats
    at: Ints

    @classmethod
    def of(cls, unit: Ints) -> Self:
        """The places of these units' values."""
        starts = np.diff(unit, prepend=-1) != 0
        first = np.maximum.accumulate(np.where(starts, np.arange(len(unit)), 0))
        return cls(starts, (np.arange(len(unit)) - first + 1).astype(np.float64), first)

    def totals(self, values: Floats | Bools) -> Floats:
        """The running total of each unit."""
        total = np.cumsum(values, dtype=np.float64)
        return np.asarray(total - (total - values)[self.at] if len(total) else total)

    def changes(self, values: Floats) -> Floats:
        """By how much each value differs from the unit's one before it, which is 0 at first."""
        shifted = np.concatenate(([0.0], values[:-1])) if len(values) else values
        return values - np.where(self.starts, 0.0, shifted)


@dataclass(frozen=True, slots=True)
class Requests:
    """The counted requests of one arm, in the order of units and times."""

    unit: Ints
    at_us: Ints
    failed: Bools
    cost: Floats
    latency: Floats
    by_unit: ByUnit


@dataclass(frozen=True, slots=True)
class GivenFeedback:
    """Units of one arm: whether each ``given`` its feedback in time, its ``value``, and ``at_us``, when it did."""

    units: Ints
    given: Bools
    value: Floats
    at_us: Ints


def given_feedback(
    people: People, world: World, variant: str, metric: MetricPlan, exposed: tuple[Ints, Bools]
) -> GivenFeedback:
    """The feedback of one arm's units: the lowest or highest possible value, so that the mean is the arm's level.

    ``exposed``: when each unit was first exposed, and which are of this arm.
    """
    first_us, mine = exposed
    units = np.flatnonzero(mine & (first_us < NEVER) & (first_us >= metric.from_us))
    name, arm = _key(metric), world.arms[variant]
    low, high = metric.within if metric.method == "feedback" else (0.0, 1.0)
    start_us = int(people.at_us.min()) if len(people.at_us) else 0
    weeks = (first_us[units] - start_us) / WEEK_US
    share = np.clip((arm.levels.get(name, (low + high) / 2) + world.trend * weeks - low) / (high - low), 0.0, 1.0)
    says_high = people.says[name][units] < share
    window_us = round((metric.window_seconds or 0.0) * 1e6)
    delay_us = people.delay[name][units] * arm.late_days * DAY_US
    given = (people.gives[name][units] < _answers(arm, share, says_high)) & (delay_us <= window_us)
    value = np.where(says_high, high, low)
    if metric.method == "feedback":
        return GivenFeedback(units, given, value, first_us[units] + delay_us.astype(np.int64))
    return GivenFeedback(
        units, np.ones(len(units), np.bool_), given.astype(np.float64), first_us[units] + window_us - 1
    )


def feedback_course(first_us: Ints, feedback: GivenFeedback, metric: MetricPlan) -> MetricCourse:
    """Units with complete windows, and the number, sum and squares of the values given in them."""
    given, value, units = feedback.given, feedback.value, feedback.units
    at_us = first_us[units] + round((metric.window_seconds or 0.0) * 1e6)
    return MetricCourse.of(at_us, np.ones(len(units)), given, value * given, value * value * given)


def _answers(arm: SimulatedArm, share: Floats, says_high: Bools) -> Floats:
    """The chance of each unit to give feedback, depending on what it would say."""
    if not arm.silent_first:
        return np.full(len(share), arm.response - arm.silent)
    low = np.maximum(1 - share, 1e-12)
    lost = np.minimum(arm.silent / low, arm.response)
    rest = (arm.silent - lost * low) / np.maximum(share, 1e-12)
    return np.where(says_high, arm.response - rest, arm.response - lost)


def _key(metric: MetricPlan) -> str:
    return metric.metric.removesuffix(".given") if metric.method == "given" else metric.metric


@dataclass(frozen=True, slots=True)
class ShareWindows:
    """The histograms and the request-weighted sums as functions of time."""

    hour: MetricCourse
    day: MetricCourse
    first: MetricCourse | None

    def at(self, now_us: int) -> ErrorShares:
        """The sums over the units whose windows are complete by then."""
        hour, day = self.hour.at(now_us), self.day.at(now_us)
        n, sums = round(sum(day[:BINS])), day[BINS:]
        weighed, every = JointMoments(n, *sums[:5]), JointMoments(n, *sums[5:])
        first = None if self.first is None else _histogram(self.first.at(now_us))
        return ErrorShares(_histogram(hour), _histogram(day[:BINS]), weighed, EveryRequest(every), first)


def shares_course(
    sent: Requests, first_us: Ints, cap: float, *, fails: bool, at_once: bool, counts_first: bool
) -> ShareWindows:
    """The windows of these units, as the store computes them; ``at_once``: each request is a unit of its own."""
    bad = sent.failed if fails else np.zeros(len(sent.failed), np.bool_)
    return ShareWindows(
        _course(*_window(sent, bad, first_us, HOUR_US, at_once)),
        _course(*_window(sent, bad, first_us, DAY_US, at_once, cap)),
        _first_requests(sent, bad) if counts_first else None,
    )


def _first_requests(sent: Requests, bad: Bools) -> MetricCourse:
    starts = sent.by_unit.starts
    columns = [np.zeros(int(starts.sum())) for _ in range(BINS)]
    columns[0], columns[-1] = (~bad[starts]).astype(np.float64), bad[starts].astype(np.float64)
    return MetricCourse.of(sent.at_us[starts], *columns)


def _course(over_us: Ints, columns: list[Floats]) -> MetricCourse:
    return MetricCourse.of(over_us, *columns)


def _window(
    sent: Requests, bad: Bools, first_us: Ints, window_us: int, at_once: bool, cap: float | None = None
) -> tuple[Ints, list[Floats]]:
    """When each unit's window is complete, the bins of its share, and with a cap its sums with and without it."""
    inside = sent.at_us - sent.at_us % MINUTE_US < first_us[sent.unit] + window_us
    count = len(first_us)
    requests = np.bincount(sent.unit[inside], minlength=count).astype(np.float64)
    failed = np.bincount(sent.unit[inside], weights=bad[inside], minlength=count).astype(np.float64)
    units = np.flatnonzero(requests)
    x, y = failed[units], requests[units]
    bins = bins_of(np.asarray(x / y, np.float64), np.asarray(units * GOLDEN % 1.0))
    over_us = first_us[units] if at_once else first_us[units] + window_us + LATE_US
    columns: list[Any] = [(bins == number).astype(np.float64) for number in range(BINS)]
    if cap is not None:
        for a, b in ((x * np.minimum(1.0, cap / y), np.minimum(y, cap)), (x, y)):
            columns += [a, b, a * a, b * b, a * b]
    return over_us, columns


def _histogram(totals: list[float]) -> UnitShares:
    return UnitShares(tuple(round(total) for total in totals))


@dataclass(frozen=True, slots=True)
class Values:
    """What each unit's ``value`` was at ``at_us``; a unit may have several."""

    unit: Ints
    at_us: Ints
    value: Floats


def request_values(metric: MetricPlan, sent: Requests) -> Values:
    """The values of the requests of one arm."""
    if metric.counts_requests:
        bad = sent.failed & (CATALOGUE[metric.metric].over in FAILING)
        value = (bad if metric.better == "lower" else ~bad).astype(np.float64)
    else:
        value = sent.cost if metric.method == "amount" else np.where(sent.failed, np.inf, sent.latency)
    return Values(sent.unit, sent.at_us, value)


def weeks_reader(plan: AnalysisPlan, metric: MetricPlan, values: Values, first_us: Ints) -> WeeksReader:
    """The function that reads the whole weeks at a time. ``first_us``: when each unit was first exposed."""
    known: dict[int, OverTime] = {}
    week, age = (values.at_us - plan.from_us) // WEEK_US, (values.at_us - first_us[values.unit]) // WEEK_US

    def read(now_us: int) -> OverTime | None:
        weeks = plan.whole_weeks(now_us)
        if weeks and weeks not in known:
            counts = (week >= 0) & (week < weeks) & (metric.method != "given")
            ages = _levels(metric, values, np.where(counts, age, -1), weeks)
            known[weeks] = OverTime(_levels(metric, values, week, weeks), ages)
        return known.get(weeks)

    return read


def _levels(metric: MetricPlan, values: Values, number: Ints, weeks: int) -> Levels:
    return tuple(_level(metric, values.unit[number == week], values.value[number == week]) for week in range(weeks))


def _level(metric: MetricPlan, unit: Ints, value: Floats) -> Level | None:
    """The level of the units in one week, each with the mean or the sum of its values."""
    if not len(unit):
        return None
    if metric.method == "quantile":
        users = [str(name) for name in unit]
        return Level.of(quantile_level(QuantileSums.of(value, users, CATALOGUE[metric.metric].nu)))
    _, index, count = np.unique(unit, return_inverse=True, return_counts=True)
    total = np.bincount(index, weights=value)
    if metric.method != "amount":
        return Level.of(mean(Moments.of(total / count)))
    each = total / count if CATALOGUE[metric.metric].per else total
    return Level.of(mean(Moments.of(np.minimum(each, metric.cap or np.inf))))
