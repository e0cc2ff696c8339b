"""Feedback that is missing: how often each rule calls equal arms different, and how often it finds a real effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt

from numpy.random import Generator

from benchmarks.decision_trials.costs import WINDOW, arms_by_day, feedback_plan, primary_of
from benchmarks.decision_trials.trial import Row, Trial, may_differ, share
from fairtrial.domain.estimates import Estimate
from fairtrial.experiments.analysis.findings import METHODS
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.finding import Times
from fairtrial.experiments.methods.method import question_of
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.planning.question import Design
from fairtrial.stats.planning.trial import option
from fairtrial.stats.sums import Moments

DAILY, FEW, WEEKS, POWER = 240, 75, 6, 0.8
LEVEL = 0.6
PLAIN, AT_RANDOM, WORST_CASE = "plain interval of those who answered", "at_random", "worst_case"
RULES = (PLAIN, AT_RANDOM, WORST_CASE)
WITHIN_POWER = 0.03


@dataclass(frozen=True, slots=True)
class Silent:
    """The share of one arm that would say yes, and the shares of those and of the others that say so."""

    level: float = LEVEL
    yes: float = 1.0
    no: float = 1.0

    def sums(self, rng: Generator, units: int) -> Feedback:
        """The sums of so many units."""
        chances = self.level * self.yes, (1 - self.level) * self.no
        yes, no, _ = rng.multinomial(units, [*chances, 1 - sum(chances)]).tolist()
        return Feedback(units, Moments(yes + no, yes, yes), WINDOW)


def at_random(level: float, response: float) -> Silent:
    """An arm whose units answer with the same chance, whatever they would say."""
    return Silent(level, response, response)


Pair = tuple[Silent, Silent]
Answers = dict[str, tuple[str, int]]
"""The first answer of each rule, and its day."""

EQUAL: Sequence[tuple[str, Pair]] = (
    ("4 % silent in both, yeses in one and noes in the other", (Silent(yes=1 - 0.04 / LEVEL), Silent(no=0.9))),
    ("30 % silent in both, a little more of the yeses in one", (Silent(yes=0.68, no=0.73), Silent(yes=0.72, no=0.67))),
    ("30 and 29 % silent, unequally", (at_random(LEVEL, 0.7), Silent(yes=0.74, no=0.66))),
    ("30 and 40 % silent, the more of them noes", (at_random(LEVEL, 0.7), Silent(yes=0.7, no=0.45))),
    ("3 % silent at random in both", (at_random(LEVEL, 0.97),) * 2),
    ("30 % silent at random in both", (at_random(LEVEL, 0.7),) * 2),
)
"""In the first one the worst case is what is true, so that it errs the most."""
REAL = (1.0, 0.97, 0.95, 0.7)


def _plans(size: str) -> dict[str, AnalysisPlan]:
    plan = feedback_plan("superior", size)
    metric = replace(primary_of(plan), missing="worst_case")
    return {AT_RANDOM: plan, WORST_CASE: replace(plan, metrics=(metric,))}


def _answer(plan: AnalysisPlan | None, pair: tuple[Feedback, Feedback], other: AnalysisPlan) -> str:
    """The answer of a plan, or without one that of the plain interval."""
    asked = plan or other
    metric = primary_of(asked)
    method = METHODS[metric.method]
    if plan is not None:
        return method.primary(plan, metric, plan.treatments[0], pair, Times()).answer
    found = always_valid(method.difference(metric, pair)(1.0), tau=metric.margin, level=1 - asked.alpha_primary)
    if not isinstance(found, Estimate):
        return "cannot tell"
    return "better" if found.low > 0 else "worse" if found.high < 0 else "cannot tell"


def _first(rng: Generator, pair: Pair, plans: dict[str, AnalysisPlan], *, daily: int) -> Answers:
    found: Answers = {}
    days: Iterator[tuple[Feedback, Feedback]] = arms_by_day(rng, pair, daily=daily, days=7 * WEEKS)  # type: ignore[assignment]
    for day, sums in enumerate(days, 1):
        for rule in RULES if may_differ(sums[0].given, sums[1].given) else ():
            if rule not in found:
                answer = _answer(plans.get(rule), sums, plans[AT_RANDOM])
                if answer != "cannot tell":
                    found[rule] = answer, day
        if len(found) == len(RULES):
            break
    return found


def _equal(rng: Generator, trials: int) -> list[Row]:
    plans, rows = _plans("5pp"), []
    for what, pair in EQUAL:
        found = [_first(rng, pair, plans, daily=DAILY) for _ in range(trials)]
        random = pair[0] == pair[1]
        for rule in RULES[1:]:
            most = plans[rule].alpha_primary if random or rule == WORST_CASE else None
            hits = [rule in one for one in found]
            rows.append(share(f"equal arms, {what}: better or worse ({rule})", hits, most=most))
    return rows


def _real(rng: Generator, trials: int) -> list[Row]:
    """Ten points better, feedback missing at random: each rule beside the plain interval, and beside the planner."""
    plans, rows = _plans("10pp"), []
    for response in REAL:
        pair = at_random(LEVEL, response), at_random(LEVEL + 0.1, response)
        found = [_first(rng, pair, plans, daily=FEW) for _ in range(trials)]
        name = f"10 points better, {response:.0%} answer: better within {WEEKS} weeks"
        for rule in RULES:
            hits = [one.get(rule, ("", 0))[0] == "better" for one in found]
            row = share(f"{name} ({rule})", hits, least=None if rule == WORST_CASE else POWER)
            rows.append(_as_planned(row, plans[WORST_CASE], response, trials) if rule == WORST_CASE else row)
    return rows


def _as_planned(row: Row, plan: AnalysisPlan, response: float, trials: int) -> Row:
    """The row with the power that the planner promises, for units with feedback."""
    metric = replace(primary_of(plan), response=response)
    question = replace(question_of(metric, plan.unit, level=LEVEL), window_days=0.0)
    power = option(question, Design(per_week=7 * FEW * response, weeks=WEEKS), POWER, beyond=False).power
    if not power:
        return replace(row, what=f"{row.what}; planned: can't be met", most=0.0)
    error = max(row.error, sqrt(power * (1 - power) / trials))
    what = f"{row.what}; planned: {power:.1%}"
    return replace(row, what=what, error=error, least=power - WITHIN_POWER, most=power + WITHIN_POWER)


TRIALS: Sequence[Trial] = (
    Trial(
        "feedback-equal", "Equal arms whose missing feedback differs, 240 units a day for six weeks", _equal, 1_000, 100
    ),
    Trial("feedback-real", "A real effect with feedback missing at random, 75 units a day", _real, 600, 60),
)
