"""Whether each method decides as soon and as often as the planner says: its power and its mean stop, by daily sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, log, sqrt
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.decision_trials.costs import CAP, COST, LEVEL, SIGMA, WINDOW, Cost, Said, capped, feedback_plan
from benchmarks.decision_trials.populations import Population, even, looks_until
from benchmarks.decision_trials.rate_course import SAFE, firsts
from benchmarks.decision_trials.trial import Row, Trial, frozen, mean_row, share
from fairtrial.experiments.analysis.findings import METHODS
from fairtrial.experiments.analysis.freeze import Known
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import Times
from fairtrial.experiments.methods.method import question_of
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.ratios_and_quantiles import QuantileSums
from fairtrial.stats.planning.proposals import Option
from fairtrial.stats.planning.question import Design
from fairtrial.stats.planning.trial import option
from fairtrial.stats.sums import Moments

POWER, WEEKS = 0.8, 6
GROWTH = 0.02
WITHIN_POWER, WITHIN_STOP = 0.02, 0.05
GOOD = {"superior": ("better",), "not_worse": ("better", "not worse", "safe")}
ENDS = ("better", "not worse", "worse", "safe", "harm")


class Arm(Protocol):
    """One arm, whose sums of so many units can be drawn."""

    def sums(self, rng: Generator, units: int) -> Any: ...


@dataclass(frozen=True, slots=True)
class Rated:
    """Ratings from 1 to 5, each with its chance."""

    chances: tuple[float, ...]

    @classmethod
    def around(cls, mean: float) -> Rated:
        """Ratings with this mean, most of them 1 or 5."""
        base = np.array([0.2, 0.1, 0.15, 0.2, 0.35])
        lean = (mean - float(base @ np.arange(1, 6))) / 4
        return cls(tuple((base + np.array([-lean, 0, 0, 0, lean])).tolist()))

    @property
    def level(self) -> float:
        return float(np.dot(self.chances, np.arange(1, 6)))

    @property
    def sd(self) -> float:
        return float(np.dot(self.chances, np.arange(1, 6) ** 2) - self.level**2) ** 0.5

    def sums(self, rng: Generator, units: int) -> Feedback:
        counts, stars = rng.multinomial(units, self.chances), np.arange(1, 6)
        return Feedback(units, Moments(units, float(counts @ stars), float(counts @ stars**2)), WINDOW)


@dataclass(frozen=True)
class Case:
    """One kind of metric: its plan, the control's level and spread, the arms, and the units of both arms in a week."""

    name: str
    plan: AnalysisPlan
    level: float
    arms: tuple[Any, Any]
    per_week: float
    spread: float | None = None

    @property
    def metric(self) -> MetricPlan:
        return self.plan.primary or self.plan.guardrails[0]

    @cached_property
    def planned(self) -> Option:
        """What the planner says; windows shift the time of both and are left out."""
        question = question_of(self.metric, self.plan.unit, level=self.level, spread=self.spread)
        design = Design(per_week=self.per_week, weeks=WEEKS, share=self.plan.share_of(self.plan.treatments[0]))
        return option(replace(question, window_days=0.0), design, POWER, beyond=False)

    def days(self, rng: Generator) -> Iterator[tuple[float, Any, Any]]:
        """The units of both arms and the sums at each look; each unit is assigned by chance."""
        ends = self._looks()
        if isinstance(self.arms[0], Latency):
            yield from self._quantiles(rng, ends)
            return
        before, so_far = 0, None
        for units in ends:
            treated = int(rng.binomial(units - before, 0.5))
            counts = units - before - treated, treated
            more = [arm.sums(rng, count) for arm, count in zip(self.arms, counts, strict=True)]
            so_far = more if so_far is None else [one + other for one, other in zip(so_far, more, strict=True)]
            before = units
            yield units, so_far[0], so_far[1]

    def _looks(self) -> list[int]:
        """Each day, or for what is decided exactly every few percent, because there the planner looks all the time."""
        last = round(self.per_week * WEEKS)
        if self.planned.rule in ("shares of units", "conversion e-process"):
            return looks_until(last, growth=GROWTH, first=40)
        return [round(self.per_week / 7 * day) for day in range(1, 7 * WEEKS + 1)]

    def _quantiles(self, rng: Generator, ends: Sequence[int]) -> Iterator[tuple[float, Any, Any]]:
        """Sums of quantiles can't be added, so each day reads all values."""
        treated = rng.random(ends[-1]) < 0.5
        values = [arm.values(rng, ends[-1]) for arm in self.arms]
        for units in ends:
            now = treated[:units]
            yield units, self.arms[0].sums_of(values[0][:units][~now]), self.arms[1].sums_of(values[1][:units][now])


@dataclass(frozen=True, slots=True)
class Latency:
    """Lognormal latencies, one request a unit."""

    p95: float

    def values(self, rng: Generator, count: int) -> NDArray[np.float64]:
        return rng.lognormal(log(self.p95) - SIGMA * 1.6448536269514722, SIGMA, count)

    def sums_of(self, values: NDArray[np.float64]) -> QuantileSums:
        return QuantileSums.of(values, None, 0.95)

    @property
    def sd(self) -> float:
        """The standard deviation between requests."""
        mean = self.p95 * float(np.exp(SIGMA**2 / 2 - SIGMA * 1.6448536269514722))
        return mean * float(np.sqrt(np.expm1(SIGMA**2)))


def _answer(case: Case, pair: tuple[Any, Any]) -> str:
    plan, metric, method = case.plan, case.metric, METHODS[case.metric.method]
    if metric.role == "guardrail":
        return method.guardrail(plan, metric, plan.treatments[0], pair).answer
    return method.primary(plan, metric, plan.treatments[0], pair, Times()).answer


def _end(case: Case, rng: Generator) -> tuple[str, float]:
    """The first answer of a trial and its units."""
    for units, control, treatment in case.days(rng):
        answer = _answer(case, (control, treatment))
        if answer in ENDS:
            return answer, units
    return "cannot tell", inf


def _rates(case: Case, rng: Generator, trials: int) -> list[tuple[str, float]]:
    """The same for a rate, over all trials at once."""
    answers = ["better", "worse", *(["not worse"] if case.metric.require == "not_worse" else [])]
    answers = answers if case.plan.primary else [SAFE]
    found = firsts(case.plan, case.arms, rng, trials, case.per_week * WEEKS, answers, growth=GROWTH)
    units = np.array([found.units(answer) for answer in answers])
    return [(answers[at], float(units[at, trial])) for trial, at in enumerate(units.argmin(axis=0).tolist())]


def _measured(case: Case, rng: Generator, trials: int) -> list[Row]:
    planned, last = case.planned, case.per_week * WEEKS
    weeks = planned.weeks or WEEKS
    if isinstance(case.arms[0], Population):
        ends = _rates(case, rng, trials)
    else:
        ends = [_end(case, rng) for _ in range(trials)]
    by, good_answers = case.per_week * weeks + 1, GOOD[case.metric.require]
    good = [answer in good_answers and stop <= by for answer, stop in ends]
    stops = [min(stop, last) for _, stop in ends]
    power, mean = planned.weekly[min(weeks, WEEKS) - 1], planned.mean_stop
    what = f"{case.name}, {case.per_week:,.0f} units a week, {planned.rule}"
    decided = share(
        f"{what}: decided within {weeks} weeks (planned: {power:.1%})",
        good,
        least=power - WITHIN_POWER,
        most=power + WITHIN_POWER,
    )
    return [
        replace(decided, error=max(decided.error, sqrt(power * (1 - power) / trials))),
        mean_row(
            f"{what}: units to a stop (planned: {mean:,.0f})", stops,
            least=(1 - WITHIN_STOP) * mean, most=(1 + WITHIN_STOP) * mean,
        ),
    ]  # fmt: skip


def _feedback() -> Sequence[Case]:
    better, same = feedback_plan("superior", "5pp"), feedback_plan("not_worse", "5pp")
    return (
        Case("a share of 60 % better by 5 points", better, 0.6, (Said(0.6), Said(0.65)), 2_500),
        Case("a share of 60 % not worse by 5 points", same, 0.6, (Said(0.6), Said(0.6)), 1_500),
    )


def _rating() -> Sequence[Case]:
    arms = Rated.around(3.5), Rated.around(3.65)
    primary = {"metric": "feedback.rating", "require": "superior", "mde": "4.2857%", "baseline": 3.5}
    plan = frozen(primary=primary, guardrails=())
    return (Case("a rating better by 0.15", plan, arms[0].level, arms, 2_000, arms[0].sd),)


def _conversion() -> Sequence[Case]:
    rare = feedback_plan("superior", "0.5pp", baseline="1%")
    return (Case("a share of 1 % better by 0.5 points", rare, 0.01, (Said(0.01), Said(0.015)), 9_000),)


def _rate() -> Sequence[Case]:
    better, same = (
        frozen(primary={"metric": "requests.error_rate", **one}, guardrails=())
        for one in ({"require": "superior", "mde": "2pp"}, {"require": "not_worse", "mde": "1.5pp"})
    )
    return (
        Case("0.5 % errors safe within a point", frozen(primary=None), 0.005, (even(0.005), even(0.005)), 1_000),
        Case("5 % errors better by 2 points", better, 0.05, (even(0.05), even(0.03)), 2_000),
        Case("2 % errors not worse by 1.5 points", same, 0.02, (even(0.02), even(0.02)), 4_000),
    )


def _amount() -> Sequence[Case]:
    mean, sd = capped(Cost())
    known = {COST: Known(level=mean, cap=CAP)}
    saved = f"{100 * (1 - capped(Cost(0.9 * LEVEL))[0] / mean):.4f}%"
    better, same = (
        frozen(known, primary={"metric": COST, "mde": saved, "require": one}, guardrails=())
        for one in ("superior", "not_worse")
    )
    safe = frozen(known, primary=None, guardrails=[{"metric": COST, "margin": "20%"}])
    return (
        Case("a cost better by 10 %", better, mean, (Cost(), Cost(0.9 * LEVEL)), 1_200, sd),
        Case("a cost not worse by 10 %", same, mean, (Cost(), Cost()), 1_000, sd),
        Case("a cost safe within 20 %", safe, mean, (Cost(), Cost()), 700, sd),
    )


def _quantile() -> Sequence[Case]:
    name, base = "requests.latency_p95", Latency(1_000.0)
    known = {name: Known(level=base.p95)}
    better = frozen(known, primary={"metric": name, "mde": "10%", "require": "superior"}, guardrails=())
    safe = frozen(known, primary=None, guardrails=[{"metric": name, "margin": "20%"}])
    return (
        Case("p95 better by 10 %", better, base.p95, (base, Latency(0.9 * base.p95)), 5_000, base.sd),
        Case("p95 safe within 20 %", safe, base.p95, (base, base), 1_500, base.sd),
    )


def _of(cases: Callable[[], Sequence[Case]]) -> Callable[[Generator, int], Sequence[Row]]:
    return lambda rng, trials: [row for case in cases() for row in _measured(case, rng, trials)]


TRIALS: Sequence[Trial] = tuple(
    Trial(f"plan-{cases.__name__.removeprefix('_')}", "Planner and monitor", _of(cases), trials, short)
    for cases, trials, short in (
        (_feedback, 1_000, 300),
        (_rating, 1_000, 300),
        (_conversion, 1_000, 200),
        (_rate, 1_000, 300),
        (_amount, 1_000, 200),
        (_quantile, 600, 100),
    )
)
