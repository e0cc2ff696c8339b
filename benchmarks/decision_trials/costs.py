"""Costs and feedback as the primary metric: what is never called better or worse, and how often there is an answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.decision_trials.trial import Row, Trial, frozen, mean_row, share
from fairtrial.experiments.analysis.findings import METHODS
from fairtrial.experiments.analysis.freeze import Known
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import Times
from fairtrial.experiments.methods.method import normal_primary
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.arms.amounts import Amounts
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.sums import Moments

Floats = NDArray[np.float64]
LEVEL, SIGMA, TAIL_Z = 0.01, 0.8, 2.3263478740408408
DAILY, DAYS, WINDOW = 120, 42, 604_800.0
COST = "cost.per_request"
CAP = LEVEL * float(np.exp(SIGMA * TAIL_Z - SIGMA**2 / 2))
"""The 99 % quantile of the control's costs."""
NUMBER = 2_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Lognormal costs of one arm."""

    mean: float = LEVEL
    sigma: float = SIGMA

    def sums(self, rng: Generator, units: int) -> Amounts:
        """The sums of so many units."""
        return Amounts.of(rng.lognormal(log(self.mean) - self.sigma**2 / 2, self.sigma, units), limit=CAP)


def capped(arm: Cost) -> tuple[float, float]:
    """The mean and the standard deviation of an arm's capped costs."""
    found = arm.sums(np.random.default_rng(3), NUMBER).capped
    return found.mean, found.variance**0.5


def cost_plan(require: str = "superior", size: str = "10%") -> AnalysisPlan:
    """A plan that is decided by the cost, whose level and cap are known."""
    primary = {"metric": COST, "require": require, "mde": size}
    return frozen({COST: Known(level=capped(Cost())[0], cap=CAP)}, primary=primary, guardrails=())


def arms_by_day(
    rng: Generator, draw: tuple[object, object], *, daily: int = DAILY, days: int = DAYS
) -> Iterator[tuple[Amounts, Amounts]]:
    """The sums of both arms at the end of each day, so many units a day, each assigned by chance."""
    so_far: list[Amounts] | None = None
    for _ in range(days):
        treated = int(rng.binomial(daily, 0.5))
        counts = daily - treated, treated
        more = [arm.sums(rng, count) for arm, count in zip(draw, counts, strict=True)]  # type: ignore[attr-defined]
        so_far = more if so_far is None else [one + other for one, other in zip(so_far, more, strict=True)]
        yield so_far[0], so_far[1]


Answered = list[tuple[str, int]]
"""The first answer of each trial, and its day."""


def _answers(rng: Generator, trials: int, plan: AnalysisPlan, arms: tuple[Cost, Cost]) -> tuple[Answered, Answered]:
    """By both lines and by the capped mean alone."""
    found: tuple[Answered, Answered] = [], []
    for _ in range(trials):
        answers = [("cannot tell", DAYS), ("cannot tell", DAYS)]
        for day, pair in enumerate(arms_by_day(rng, arms), 1):
            for number, answer_of in enumerate((_answer, _mean_alone)):
                if answers[number][0] == "cannot tell":
                    answers[number] = answer_of(plan, pair), day
            if all(answer != "cannot tell" for answer, _ in answers):
                break
        for one, answer in zip(found, answers, strict=True):
            one.append(answer)
    return found


def _answer(plan: AnalysisPlan, pair: tuple[object, object]) -> str:
    metric = primary_of(plan)
    return METHODS[metric.method].primary(plan, metric, plan.treatments[0], pair, Times()).answer


def _mean_alone(plan: AnalysisPlan, pair: tuple[object, object]) -> str:
    metric = primary_of(plan)
    effect = METHODS[metric.method].difference(metric, pair)(1.0)
    return normal_primary(plan, metric, plan.treatments[0], effect, Times()).answer


def primary_of(plan: AnalysisPlan) -> MetricPlan:
    """The primary metric."""
    if plan.primary is None:
        raise ValueError("the plan has no primary metric")
    return plan.primary


def _costs(rng: Generator, trials: int) -> list[Row]:
    plan, base, rows = cost_plan(), Cost(), []
    alpha = plan.alpha_primary
    cases = (
        ("equal mean, longer tail (σ 1.6)", Cost(sigma=1.6), {"better": alpha}),
        ("equal mean, longer tail (σ 1.2)", Cost(sigma=1.2), {"better": alpha}),
        ("1.5 times the cost, longer tail (σ 2)", Cost(1.5 * LEVEL, 2.0), {"better": alpha}),
        ("an equal model", base, {"better or worse": alpha}),
        ("10 % cheaper", Cost(0.9 * LEVEL), {"worse": alpha}),
        ("20 % cheaper", Cost(0.8 * LEVEL), {"worse": alpha, "least better": 0.8}),
        ("20 % dearer", Cost(1.2 * LEVEL), {"better": alpha, "least worse": 0.8}),
    )
    for what, arm, limits in cases:
        both, alone = _answers(rng, trials, plan, (base, arm))
        name = f"cost, {what}"
        for rule, answers, held in (("rules 4: mean and tail", both, limits), ("plain capped mean", alone, {})):
            for answer in ("better", "worse"):
                hits = [one == answer for one, _ in answers]
                most, least = held.get(answer), held.get(f"least {answer}")
                rows.append(share(f"{name}: {answer} ({rule})", hits, most=most, least=least))
            days = [day for _, day in answers]
            rows.append(replace(mean_row(f"{name}: days to an answer, 42 without one ({rule})", days), unit="days"))
            if "better or worse" in held:
                hits = [one != "cannot tell" for one, _ in answers]
                rows.append(share(f"{name}: better or worse ({rule})", hits, most=alpha))
    return rows


def feedback_plan(require: str, size: str, **more: object) -> AnalysisPlan:
    """A plan that is decided by the share of users whose ticket is resolved."""
    return frozen(primary={"metric": "feedback.resolved", "require": require, "mde": size, **more}, guardrails=())


@dataclass(frozen=True, slots=True)
class Said:
    """The shares of one arm that say yes, and that say anything."""

    level: float
    response: float = 1.0

    def sums(self, rng: Generator, units: int) -> Feedback:
        """The sums of so many units."""
        given = int(rng.binomial(units, self.response))
        yes = float(rng.binomial(given, self.level))
        return Feedback(units, Moments(given, yes, yes), WINDOW)


def _not_worse(rng: Generator, trials: int) -> list[Row]:
    plan, rows = feedback_plan("not_worse", "3pp"), []
    cases = ((0.0, {"least not worse": 0.8}), (-0.015, {"worse": 0.0}), (-0.03, {"not worse": 0.05, "worse": 0.05}))
    for apart, limits in cases:
        found = []
        for _ in range(trials):
            answers = [_answer(plan, pair) for pair in arms_by_day(rng, (Said(0.6), Said(0.6 + apart)), daily=3_000)]
            found.append(answers)
        name = f"feedback, not worse within 3 points, truly {100 * apart:+g} points"
        for answer in ("worse", "not worse"):
            most, least = limits.get(answer), limits.get(f"least {answer}")
            rows.append(share(f"{name}: ever {answer}", [answer in one for one in found], most=most, least=least))
    return rows


TRIALS: Sequence[Trial] = (
    Trial("cost", "A cost as the primary metric, 120 units a day for 42 days", _costs, 500, 20),
    Trial("not-worse", "A decline within the margin, 3,000 units a day for 42 days", _not_worse, 400, 20),
)
