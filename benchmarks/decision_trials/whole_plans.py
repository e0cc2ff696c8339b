"""Whole plans of the documentation: how often a candidate as good as planned ships in time, by the monitor's steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import yaml
from numpy.random import Generator

from benchmarks.decision_trials.populations import arm_sums, drawn, even
from benchmarks.decision_trials.trial import Row, Trial, share
from fairtrial.config.file.schema import ProjectFile
from fairtrial.config.plan.compile import compile_plan
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.plan import Plan
from fairtrial.experiments.analysis.freeze import Known, freeze
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.methods.method import question_of
from fairtrial.experiments.monitor import Circumstances, step
from fairtrial.experiments.simulation.people import SimulatedArm, World
from fairtrial.experiments.simulation.scenario import EVERY_US, run_trials
from fairtrial.experiments.simulation.trial import TrialSetting
from fairtrial.experiments.sums import Level, OverTime, Sums
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.means import mean
from fairtrial.stats.planning.question import Design
from fairtrial.stats.planning.trial import PlannedTrial, plan_trial
from fairtrial.stats.sums import Moments

ROOT = Path(__file__).parents[2]
NAME, RESOLVED = "tuned-vs-base", "feedback.resolved"
FALSE_STOP = 0.05
WALK = "docs/how-to/run-an-experiment.md"


@dataclass(frozen=True, slots=True)
class Whole:
    """A project's file, its users a week, and the control's level and errors before the start."""

    name: str
    path: str
    per_week: float
    level: float
    errors: float

    def plan(self) -> Plan:
        """The compiled project; all users are enrolled from the start, which is when the planner's weeks begin."""
        text = (ROOT / self.path).read_text()
        if self.path.endswith(".md"):
            text = text.split("```yaml\n", 1)[1].split("```", 1)[0]
        fields = yaml.safe_load(text)
        fields["experiments"][NAME]["enroll"] = {"stages": [100]}
        return compile_plan(ProjectFile.model_validate(fields), {}, {})

    def planned(self, frozen: AnalysisPlan) -> PlannedTrial:
        questions = [
            question_of(one, frozen.unit, level=self.errors if one.counts_requests else self.level)
            for one in frozen.metrics
        ]
        questions[0] = replace(questions[0], planned=frozen.planned_units)
        found = plan_trial(questions, Design(per_week=self.per_week, weeks=frozen.max_weeks, mode=frozen.way_to_look))
        if not isinstance(found, PlannedTrial):
            raise RuntimeError(found.reason)
        return found


TEMPLATE = Whole("the sample template", "examples/init/sample/fairtrial.yaml", 4_000, 0.62, 0.005)
PAGE = Whole("the walk-through", WALK, 3_000, 0.60, 0.005)


def _sums_by_day(rng: Generator, whole: Whole, frozen: AnalysisPlan) -> Iterator[Sums]:
    """The sums at the end of each day: requests of that day's users, rates a day later, feedback after its window."""
    days = 7 * frozen.max_weeks
    ends = [max(1, ceil(whole.per_week / 7 * day)) for day in range(1, days + 1)]
    rates = [one.metric for one in frozen.metrics if one.counts_requests]
    history = [(one[0].copy(), other[0].copy())
               for _, one, other in drawn(rng, (even(whole.errors), even(whole.errors)), ends, 1)]  # fmt: skip
    primary = frozen.metrics[0]
    window = round((primary.window_seconds or 0.0) / 86_400)
    levels = whole.level, whole.level + primary.margin
    said: tuple[list[tuple[int, int]], list[tuple[int, int]]] = [], []
    for day in range(1, days + 1):
        now, counted = history[day - 1], history[max(0, day - 2)]
        arms = {}
        for number, name in enumerate((frozen.control, frozen.treatments[0])):
            units = round(now[number][-1]) - sum(n for n, _ in said[number])
            said[number].append((units, int(rng.binomial(units, levels[number]))))
            before, yes = (sum(one[at] for one in said[number][: max(0, day - window)]) for at in (0, 1))
            arm = arm_sums(counted[number] if day > 1 else now[number], rates)
            feedback = Feedback(before, Moments(before, yes, yes), primary.window_seconds or 1.0)
            metrics = {**arm.metrics, **({RESOLVED: feedback} if before else {})}
            arms[name] = replace(arm, units=round(now[number][-1]), metrics=metrics, over_time=_weeks(said[number]))
        yield Sums(frozen.started_us + day * DAY_US, arms)


def _weeks(said: Sequence[tuple[int, int]]) -> OverTime | None:
    """The whole weeks of one arm, whose units say at once how it was."""
    parts = [said[at : at + 7] for at in range(0, len(said) - 6, 7)]
    totals = [[sum(one) for one in zip(*part, strict=True)] for part in parts]
    weeks = tuple(Level.of(mean(Moments(n, yes, yes))) for n, yes in totals)
    return OverTime(weeks, (None,) * len(weeks)) if weeks else None


def _ships(rng: Generator, whole: Whole, frozen: AnalysisPlan) -> tuple[float, bool]:
    """The day on which the candidate ships, infinite if it doesn't, and whether it was paused or killed."""
    memory = Memory()
    for sums in _sums_by_day(rng, whole, frozen):
        found = step(frozen, memory, sums, Circumstances(sums.at_us, 100.0, frozen.started_us))
        memory = found.memory
        if found.verdict is not None and found.verdict.do in ("pause", "kill"):
            return float("inf"), True
        if any(one.ships(sums.at_us) for one in found.decisions.values()):
            return (sums.at_us - frozen.started_us) / DAY_US, False
    return float("inf"), False


def _measure(whole: Whole, rng: Generator, trials: int) -> list[Row]:
    plan = whole.plan()
    known = {RESOLVED: Known(response=1.0)}
    frozen = freeze(plan, plan.experiments[NAME], 0, known)
    planned = whole.planned(frozen)
    end = 7 * max(planned.weeks, ceil(frozen.metrics[0].window_seconds / 604_800), 2)  # type: ignore[operator]
    promised = planned.ships(end // 7)
    found = [_ships(rng, whole, frozen) for _ in range(trials)]
    what = f"{whole.name}, {whole.per_week:,.0f} users a week: ships within {end // 7} weeks"
    by_sums = share(f"{what} (planned: at least {promised:.0%})", [day <= end for day, _ in found], least=promised)
    stopped = share(f"{whole.name}: wrongly paused or killed", [stop for _, stop in found], most=FALSE_STOP)
    runs = min(trials, 100)
    whole_path = run_trials(_setting(plan, whole, frozen), runs=runs, seed=int(rng.integers(2**31)), processes=1,
                            on_done=lambda: None)  # fmt: skip
    shipped = share("", [one.end == "ship" and one.days <= end + 0.01 for one in whole_path])
    apart, error = shipped.measured - by_sums.measured, sqrt(shipped.error**2 + by_sums.error**2)
    both = f"{whole.name}: {runs} trials through fairtrial simulate ship in {shipped.measured:.0%}, apart from sums by"
    least_error = max(error, 1 / runs)
    return [by_sums, stopped, Row(both, apart, least_error, least=0.0, most=0.0, slack=3.0)]


def _setting(plan: Plan, whole: Whole, frozen: AnalysisPlan) -> TrialSetting:
    level, effect = whole.level, frozen.metrics[0].margin
    arms = {
        frozen.control: SimulatedArm(levels={RESOLVED: level}, errors=whole.errors),
        frozen.treatments[0]: SimulatedArm(levels={RESOLVED: level + effect}, errors=whole.errors),
    }
    world = World(per_week=whole.per_week, arms=arms)
    return TrialSetting(plan=plan, name=NAME, world=world, every_us=EVERY_US)


def _of(whole: Whole) -> Any:
    return lambda rng, trials: _measure(whole, rng, trials)


TRIALS: Sequence[Trial] = (
    Trial("whole-template", "The sample template at the planned effect", _of(TEMPLATE), 400, 20),
    Trial("whole-page", "The walk-through at the planned effect", _of(PAGE), 400, 20),
)
