"""Effects that fade or turn: how often each rule ships them, and how often it ships an effect that stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from msgspec.structs import replace as replace_field
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.decision_trials.costs import feedback_plan, primary_of
from benchmarks.decision_trials.trial import Row, Trial, share
from fairtrial.domain.decision.values import Decision, EffectOverTime
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.promises import SEEN_WEEKS
from fairtrial.experiments.analysis.findings import find
from fairtrial.experiments.analysis.memory import Looked, Memory
from fairtrial.experiments.analysis_plan import OLDEST_RULES, AnalysisPlan
from fairtrial.experiments.decision.decide import decide
from fairtrial.experiments.sums import ArmSums, Level, Levels, OverTime, Sums
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.means import mean
from fairtrial.stats.sums import Moments

Floats = NDArray[np.float64]
LEVEL, START, END = 0.6, 0.12, -0.04
DAILY, WEEKS = 150, 6
RESOLVED = "feedback.resolved"
ALONE, NEXT, NEW = "the last week alone", "the line in the next week", "rules 6"
FOUR_WEEKS = "rules 6, min_days: 28"
MIN_DAYS = {ALONE: 14.0, NEXT: 14.0, NEW: 14.0, FOUR_WEEKS: 28.0}
"""The days of each rule before the primary metric passes."""
MOST_TURNED, LEAST_STEADY = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class Kind:
    """An effect by day: its share of what it begins with, at last 0, and the value that it ends with.

    ``missed``: the promise about effects that turn is known to be missed for this one.
    """

    what: str
    left: Callable[[Floats], Floats]
    end: float = END
    start: float = START
    missed: bool = False

    def effect(self, day: Floats) -> Floats:
        return self.end + (self.start - self.end) * self.left(day)


def _line(days: float) -> Callable[[Floats], Floats]:
    return lambda day: np.maximum(0.0, 1 - day / days)


def _half(days: float) -> Callable[[Floats], Floats]:
    return lambda day: np.exp2(-day / days)


CONSTANT = tuple(
    Kind(f"constant {100 * size:g} points", lambda day: np.ones_like(day), start=size) for size in (0.08, 0.05)
)
FADING = tuple(
    Kind(f"12 points that fade to 0 {how}", left, end=0.0)
    for how, left in (("on a line over 14 days", _line(14)), ("by half every 3 days", _half(3)))
)
TURNING = (
    Kind("12 points that turn to −4 on a line over 7 days", _line(7)),
    Kind("12 points that turn to −4 on a line over 14 days", _line(14)),
    Kind("12 points that turn to −4 by half every 3 days", _half(3)),
    Kind("12 points that turn to −4 at once on day 7", lambda day: (day < 7).astype(np.float64)),
    Kind("12 points that turn to −4 on a line over 28 days, so they are 6 in week 2", _line(28), missed=True),
)


def plans() -> dict[str, AnalysisPlan]:
    """The same plan by each rule."""
    plan = feedback_plan("superior", "5pp")
    metric = replace(primary_of(plan), window_seconds=DAY_US / 1e6)
    frozen = replace(plan, metrics=(metric,))
    return {name: replace(frozen, rules=OLDEST_RULES, min_days=days) for name, days in MIN_DAYS.items()}


def _sums_by_day(rng: Generator, kind: Kind, frozen: AnalysisPlan) -> Iterator[Sums]:
    """The sums at the end of each day; each unit says at once whether its ticket is resolved."""
    days = np.arange(7 * WEEKS)
    units = rng.binomial(2 * DAILY, 0.5, len(days))
    arms = np.stack([2 * DAILY - units, units])
    levels = np.stack([np.full(len(days), LEVEL), LEVEL + kind.effect(days + 0.5)])
    yes = rng.binomial(arms, levels)
    for day in range(1, len(days) + 1):
        weeks = day // 7
        found = {}
        for name, n, x in zip((frozen.control, frozen.treatments[0]), arms, yes, strict=True):
            so_far = Moments(int(n[:day].sum()), float(x[:day].sum()), float(x[:day].sum()))
            by_week: Levels = tuple(_level(n[at : at + 7], x[at : at + 7]) for at in range(0, 7 * weeks, 7))
            over_time = OverTime(by_week, (None,) * weeks) if weeks else None
            feedback = Feedback(so_far.n, so_far, DAY_US / 1e6)
            found[name] = ArmSums(so_far.n, metrics={RESOLVED: feedback}, over_time=over_time)
        yield Sums(frozen.from_us + day * DAY_US, found)


def _level(n: NDArray[np.int64], x: NDArray[np.int64]) -> Level | None:
    return Level.of(mean(Moments(int(n.sum()), float(x.sum()), float(x.sum()))))


def _ships(rng: Generator, kind: Kind, rules: dict[str, AnalysisPlan]) -> set[str]:
    """The rules that ever let the primary metric pass. All see the same looks."""
    plan, memory, found = rules[NEW], Memory(), set[str]()
    for sums in _sums_by_day(rng, kind, plan):
        findings = find(plan, sums)
        memory = memory.after(plan, sums, findings)
        answers = {latched.answer for latched in memory.latched.values()}
        if "worse" in answers:
            break
        for name, rule in rules.items() if "better" in answers else ():
            if name not in found and sums.at_us >= rule.from_us + rule.min_days * DAY_US:
                decisions = decide(Looked(plan=rule, memory=memory, findings=findings, sums=sums))
                if any(_passes(name, one, sums.at_us) for one in decisions.values()):
                    found.add(name)
        if len(found) == len(rules):
            break
    return found


def _passes(rule: str, decision: Decision, at_us: int) -> bool:
    """Whether the primary metric passes. Two of the rules ask for less than where the line through the weeks ends."""
    primary = decision.primary
    found = None if primary is None else primary.over_time
    if rule not in (ALONE, NEXT) or primary is None or not isinstance(found, EffectOverTime):
        return decision.ships(at_us)
    ends = [week.value for week in found.weeks[-1:] if week is not None]
    if rule == NEXT and len(found.weeks) >= SEEN_WEEKS:
        ends.append(_next_week([(week.value, week.weight) for week in found.weeks if week is not None]))
    holds = not ends or len(found.weeks) < SEEN_WEEKS or min(ends) < 0
    over_time = replace_field(found, holds=holds)
    return replace_field(primary, over_time=over_time).counts(at_us)


def _next_week(weeks: Sequence[tuple[float, float]]) -> float:
    """Where the line through all of these weeks leads in the next one."""
    values, weights = np.array(weeks).T
    times = np.arange(len(weeks))
    return float(np.polynomial.Polynomial.fit(times, values, 1, w=np.sqrt(weights))(len(weeks)))


def _measure(rng: Generator, trials: int) -> list[Row]:
    rules, rows = plans(), []
    for kind in (*CONSTANT, *FADING, *TURNING):
        found = [_ships(rng, kind, rules) for _ in range(trials)]
        for name in rules:
            new = name == NEW
            most = MOST_TURNED if new and kind in TURNING else None
            least = LEAST_STEADY if new and kind in CONSTANT else None
            row = share(f"{kind.what}: ships within {WEEKS} weeks ({name})", [name in one for one in found],
                        most=most, least=least)  # fmt: skip
            rows.append(replace(row, known_miss=new and kind.missed))
    return rows


TRIALS: Sequence[Trial] = (
    Trial("fading", f"Effects that stay, fade or turn, {2 * DAILY} units a day for {WEEKS} weeks", _measure, 300, 30),
)
