"""Whether each method decides as soon and as often as the planner says: its power and its mean stop, by daily sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, log
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.decision_trials.costs import CAP, COST, LEVEL, SIGMA, WINDOW, Cost, Said, capped, feedback_plan
from benchmarks.decision_trials.populations import Population, even, looks_until
from benchmarks.decision_trials.rate_course import SAFE, firsts
from benchmarks.decision_trials.trial import Row, Trial, frozen, mean_row, share
from fairtrial.experiments.analysis.freeze import Known
from fairtrial.experiments.analysis_plan import AnalysisPlan, MetricPlan
from fairtrial.experiments.methods.kinds import METHODS
from fairtrial.experiments.methods.questions import question_of
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.quantiles import QuantileSums
from fairtrial.stats.planning.option import Option
from fairtrial.stats.planning.options import option
from fairtrial.stats.planning.question import Design
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
    return method.primary(plan, metric, plan.treatments[0], pair, ()).answer


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
    return [
        share(
            f"{what}: decided within {weeks} weeks (planned: {power:.1%})", good,
            least=power - WITHIN_POWER, most=power + WITHIN_POWER,
        ),
        mean_row(
            f"{what}: units to a stop (planned: {mean:,.0f})", stops,
            least=(1 - WITHIN_STOP) * mean, most=(1 + WITHIN_STOP) * mean,
        ),
    ]  # fmt: skip


def _rate(level: float, apart: float, per_week: float, *, name: str, **primary: Any) -> Case:
    plan = frozen(primary={"metric": "requests.error_rate", **primary} if primary else None,
                  **({"guardrails": ()} if primary else {}))  # fmt: skip
    return Case(name, plan, level, (even(level), even(level + apart)), per_week)


def _amount(name: str, plan: AnalysisPlan, times: float, per_week: float) -> Case:
    mean, sd = capped(Cost())
    return Case(name, plan, mean, (Cost(), Cost(times * LEVEL)), per_week, sd)


def _cases() -> dict[str, Sequence[Case]]:
    known, cost = {COST: Known(level=capped(Cost())[0], cap=CAP)}, capped(Cost())[0]
    latency, base = {"requests.latency_p95": Known(level=1_000.0)}, Latency(1_000.0)
    rated = Rated.around(3.5), Rated.around(3.65)
    rating = {"metric": "feedback.rating", "require": "superior", "mde": "4.2857%", "baseline": 3.5}
    rare = feedback_plan("superior", "0.5pp", baseline="1%")
    cheaper = cost_after(0.9) / cost
    amount = {"metric": COST, "mde": f"{100 * (1 - cheaper):.4f}%"}
    slow = {"metric": "requests.latency_p95", "mde": "10%"}
    return {
        "feedback": (
            Case("a share of 60 % better by 5 points", feedback_plan("superior", "5pp"), 0.6, (Said(0.6), Said(0.65)), 2_500),
            Case("a share of 60 % not worse by 5 points", feedback_plan("not_worse", "5pp"), 0.6, (Said(0.6), Said(0.6)), 1_500),
        ),
        "rating": (Case("a rating better by 0.15", frozen(primary=rating, guardrails=()), rated[0].level, rated, 2_000, rated[0].sd),),
        "conversion": (Case("a share of 1 % better by 0.5 points", rare, 0.01, (Said(0.01), Said(0.015)), 9_000),),
        "rate": (
            _rate(0.005, 0.0, 1_000, name="0.5 % errors safe within a point"),
            _rate(0.05, -0.02, 2_000, name="5 % errors better by 2 points", require="superior", mde="2pp"),
            _rate(0.02, 0.0, 4_000, name="2 % errors not worse by 1.5 points", require="not_worse", mde="1.5pp"),
        ),
        "amount": (
            _amount("a cost better by 10 %", frozen(known, primary={**amount, "require": "superior"}, guardrails=()), 0.9, 1_200),
            _amount("a cost not worse by 10 %", frozen(known, primary={**amount, "require": "not_worse"}, guardrails=()), 1.0, 1_000),
            _amount("a cost safe within 20 %", frozen(known, primary=None, guardrails=[{"metric": COST, "margin": "20%"}]), 1.0, 700),
        ),
        "quantile": (
            Case("p95 better by 10 %", frozen(latency, primary={**slow, "require": "superior"}, guardrails=()), 1_000.0, (base, Latency(900.0)), 5_000, base.sd),
            Case("p95 safe within 20 %", frozen(latency, primary=None, guardrails=[{"metric": "requests.latency_p95", "margin": "20%"}]), 1_000.0, (base, base), 1_500, base.sd),
        ),
    }  # fmt: skip


def cost_after(times: float) -> float:
    """The mean of the capped costs of an arm that costs so many times as much."""
    return capped(Cost(times * LEVEL))[0]


def _of(kind: str) -> Any:
    def measure(rng: Generator, trials: int) -> list[Row]:
        return [row for case in _cases()[kind] for row in _measured(case, rng, trials)]

    return measure


TRIALS: Sequence[Trial] = tuple(
    Trial(f"plan-{kind}", f"Planner and monitor: {kind}", _of(kind), trials, short)
    for kind, trials, short in (
        ("feedback", 1_000, 100),
        ("rating", 1_000, 100),
        ("conversion", 1_000, 100),
        ("rate", 1_000, 60),
        ("amount", 1_000, 100),
        ("quantile", 600, 40),
    )
)
