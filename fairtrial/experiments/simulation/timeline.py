"""Computes the sums that a look reads, at any time of a simulated segment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.promises import REQUESTS_CAP
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.experiments.simulation import unit_sums
from fairtrial.experiments.simulation.people import (
    NEVER,
    Bools,
    Exposed,
    Ints,
    People,
    SimulatedArm,
    SimulatedAssignment,
    World,
)
from fairtrial.experiments.sums import ArmSums, MetricSums, Sums
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums
from fairtrial.stats.sequential.request_errors import RequestErrors
from fairtrial.stats.sums import JointMoments, Moments

QUANTILE_STEP_US = 6 * 3_600_000_000
"""How often quantiles are computed anew, because each time reads all values."""

Reader = Callable[[int], MetricSums | None]


@dataclass(slots=True)
class Timeline:
    """One segment under one analysis plan, as long as its stages do not change.

    ``harm_us``: the times at which a unit of a treatment first fails, which is when harm by events can be proven.
    """

    variants: tuple[str, ...]
    units: Mapping[str, unit_sums.MetricCourse]
    requests: Mapping[str, unit_sums.MetricCourse]
    readers: Mapping[str, Mapping[str, Reader]]
    harm_us: Ints
    weeks: Mapping[str, unit_sums.WeeksReader]

    @classmethod
    def of(
        cls, plan: AnalysisPlan, world: World, people: People, exposed: tuple[SimulatedAssignment, Exposed]
    ) -> "Timeline":
        """The sums of these people."""
        assigned, times = exposed
        units, requests, readers, weeks, harm = {}, {}, {}, {}, [np.zeros(0, np.int64)]
        for number, name in enumerate(assigned.variants):
            mine = times.first_us < NEVER
            mine[: len(assigned.arm)] &= assigned.arm == number
            units[name] = unit_sums.MetricCourse.of(times.first_us[mine], np.ones(int(mine.sum())))
            sent = _requests(people, world.arms[name], times, mine)
            requests[name] = unit_sums.MetricCourse.of(sent.at_us, np.ones(len(sent.at_us)))
            made = _Readers(plan, people, world, name, times, mine, sent)
            readers[name] = {metric.metric: made.reader(metric) for metric in plan.metrics}
            weeks[name] = made.weeks()
            if name != plan.control:
                first_failures = sent.failed & (sent.by_unit.totals(sent.failed) == 1)
                harm.append(sent.at_us[first_failures])
        return cls(assigned.variants, units, requests, readers, np.unique(np.concatenate(harm)), weeks)

    def at(self, now_us: int) -> Sums:
        """The sums of all arms."""
        return Sums(now_us, {name: self._arm(name, now_us) for name in self.variants})

    def _arm(self, name: str, now_us: int) -> ArmSums:
        read_sums = {metric: read(now_us) for metric, read in self.readers[name].items()}
        units, requests = (int(course.at(now_us)[0]) for course in (self.units[name], self.requests[name]))
        metrics = {metric: sums for metric, sums in read_sums.items() if sums is not None}
        return ArmSums(units, requests, metrics, over_time=self.weeks[name](now_us))


def _requests(people: People, arm: SimulatedArm, times: Exposed, mine: Bools) -> unit_sums.Requests:
    """The requests of one arm; its errors begin when ``healthy`` of its units were exposed."""
    at = np.flatnonzero(times.counted & mine[people.unit])
    unit, at_us = people.unit[at], people.at_us[at]
    first = np.sort(times.first_us[mine])
    ill_us = 0 if not arm.healthy else first[arm.healthy] if arm.healthy < len(first) else NEVER
    failed = people.luck[at] < np.where(at_us >= ill_us, arm.errors, arm.errors_before)
    times_more = np.where(people.odd[unit] < arm.runaway, arm.runaway_times, 1.0)
    cost = arm.cost * people.size[at] * times_more if len(people.size) else np.zeros(0)
    latency = arm.latency_ms * people.speed[at] if len(people.speed) else np.zeros(0)
    return unit_sums.Requests(unit, at_us, failed, cost, latency, unit_sums.ByUnit.of(unit))


@dataclass(slots=True)
class _Readers:
    """Makes the functions that read each metric of one arm at a time."""

    plan: AnalysisPlan
    people: People
    world: World
    variant: str
    times: Exposed
    mine: Bools
    sent: unit_sums.Requests
    events: dict[tuple[bool, float], unit_sums.MetricCourse] = field(default_factory=dict)

    def reader(self, metric: MetricPlan) -> Reader:
        """The function for one metric."""
        if metric.method in ("feedback", "given"):
            return self._feedback(metric)
        if metric.counts_requests:
            return self._events(metric)
        return self._amounts(metric) if metric.method == "amount" else self._quantiles(metric)

    def _feedback(self, metric: MetricPlan) -> Reader:
        course = unit_sums.feedback_course(self.times.first_us, self._given_feedback(metric), metric)
        window = metric.window_seconds or 0.0

        def read(now_us: int) -> Feedback | None:
            units, n, x, xx = course.at(now_us)
            return Feedback(int(units), Moments(int(n), x, xx), window) if units else None

        return read

    def _given_feedback(self, metric: MetricPlan) -> unit_sums.GivenFeedback:
        return unit_sums.given_feedback(self.people, self.world, self.variant, metric, (self.times.first_us, self.mine))

    def weeks(self) -> unit_sums.WeeksReader:
        """The function that reads the primary metric by whole week."""
        metric = self.plan.primary
        if metric is None:
            return lambda _: None
        if metric.method in ("feedback", "given"):
            feedback = self._given_feedback(metric)
            values = unit_sums.Values(
                feedback.units[feedback.given], feedback.at_us[feedback.given], feedback.value[feedback.given]
            )
        else:
            values = unit_sums.request_values(metric, self.sent)
        return unit_sums.weeks_reader(self.plan, metric, values, self.times.first_us)

    def _events(self, metric: MetricPlan) -> Reader:
        cap = self.plan.cap_of_requests(metric)
        fails = CATALOGUE[metric.metric].over in unit_sums.FAILING
        if (fails, cap) not in self.events:
            self.events[fails, cap] = _event_course(self.sent, cap, fails)
        course, windows = self.events[fails, cap], None
        if metric.method == "shares":
            first_us = self.times.first_us
            once, first, most = self.plan.unit == "request", self.plan.counts_first_requests, metric.cap or REQUESTS_CAP
            windows = unit_sums.shares_course(self.sent, first_us, most, fails=fails, at_once=once, counts_first=first)

        def read(now_us: int) -> RequestErrors | None:
            n, x, y, xx, yy, xy, users = course.at(now_us)
            shares = None if windows is None else windows.at(now_us)
            return RequestErrors(int(users), JointMoments(int(n), x, y, xx, yy, xy), cap, None, shares) if n else None

        return read

    def _amounts(self, metric: MetricPlan) -> Reader:
        cap = metric.cap
        if cap is None:
            return lambda _: None
        each = bool(CATALOGUE[metric.metric].per)
        spent = self.sent.by_unit.totals(self.sent.cost)
        value = spent / self.sent.by_unit.number if each else spent
        low, above = np.minimum(value, cap), (value > cap).astype(np.float64)
        change = self.sent.by_unit.changes
        course = unit_sums.MetricCourse.of(
            self.sent.at_us, self.sent.by_unit.starts, change(low), change(low * low), change(above)
        )

        def read(now_us: int) -> Amounts | None:
            n, x, xx, over = course.at(now_us)
            return Amounts(Moments(int(n), x, xx), round(over), cap) if n else None

        return read

    def _quantiles(self, metric: MetricPlan) -> Reader:
        order = np.argsort(self.sent.at_us, kind="stable")
        at_us, unit = self.sent.at_us[order], self.sent.unit[order]
        value = np.where(self.sent.failed, np.inf, self.sent.latency)[order]
        known: dict[int, QuantileSums | None] = {}

        def read(now_us: int) -> QuantileSums | None:
            step = now_us - now_us % QUANTILE_STEP_US
            if step not in known:
                count = int(np.searchsorted(at_us, step, side="right"))
                nu = CATALOGUE[metric.metric].nu
                users = [str(number) for number in unit[:count]]
                known[step] = QuantileSums.of(value[:count], users, nu) if count else None
            return known[step]

        return read


def _event_course(sent: unit_sums.Requests, cap: float, fails: bool) -> unit_sums.MetricCourse:
    """Capped errors and requests of each unit, and the units with an error."""
    bad = sent.failed if fails else np.zeros(len(sent.failed), np.bool_)
    number, total = sent.by_unit.number, sent.by_unit.totals(bad)
    x, y, change = total * np.minimum(1.0, cap / number), np.minimum(number, cap), sent.by_unit.changes
    first = bad & (total == 1)
    moments = (change(product) for product in (x, y, x * x, y * y, x * y))
    return unit_sums.MetricCourse.of(sent.at_us, sent.by_unit.starts, *moments, first)
