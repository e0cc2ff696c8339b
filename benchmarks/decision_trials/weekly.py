"""Whether the planner and the monitor agree on each week of a trial: eight designs, by the monitor's own steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.random import Generator

from benchmarks.decision_trials.trial import Row, Trial, share
from benchmarks.experiment_trials.project import NAME, project
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.experiments.analysis.freeze import Known, freeze, planned_units, way_to_look
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.monitor import Circumstances, step
from fairtrial.experiments.sums import ArmSums, Level, OverTime, Sums
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.means import mean
from fairtrial.stats.planning.question import Terms
from fairtrial.stats.planning.trial import PlannedTrial
from fairtrial.stats.sums import Moments
from gateway.control.experiments.plan_experiment import PlanRequest, plan_experiment
from gateway.control.experiments.traffic_history import NO_HISTORY

RESOLVED, DAYS = "feedback.resolved", 7
WITHIN, POWER = 0.02, 0.8
NEVER = 10**6


@dataclass(frozen=True, slots=True)
class Weekly:
    """A design: the control's level, new users a week, the primary metric, and what else the file says."""

    level: float
    per_week: float
    mde: str
    weeks: int = 6
    require: str = "superior"
    baseline: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        aim = "better" if self.require == "superior" else "not worse"
        ways = [f"{key} {value}" for key, value in self.more.items()]
        known = [] if self.baseline or "looks" in self.more else ["no baseline in the file"]
        rest = "".join(f", {words}" for words in (*known, *ways))
        return f"{100 * self.level:g} % {aim} by {self.mde}, {self.per_week:,.0f} a week{rest}"

    @property
    def truth(self) -> float:
        return self.level + (float(self.mde.removesuffix("pp")) / 100 if self.require == "superior" else 0.0)

    def plans(self) -> tuple[AnalysisPlan, PlannedTrial]:
        """What control freezes, and what the planner says of the same file."""
        primary = {"metric": RESOLVED, "mde": self.mde, "require": self.require}
        primary |= {"baseline": self.level} if self.baseline else {}
        compiled = project(primary=primary, guardrails=(), max_weeks=self.weeks, **self.more)
        experiment = compiled.experiments[NAME]
        frozen = freeze(compiled, experiment, 0, {RESOLVED: Known(response=1.0)})
        assert frozen.planned_units == planned_units(experiment)
        request = PlanRequest(
            levels={RESOLVED: self.level},
            per_week=self.per_week,
            terms=Terms(weeks=self.weeks, mode=way_to_look(experiment)),
        )
        planned = plan_experiment(experiment, request, lambda: NO_HISTORY).result
        if not isinstance(planned, PlannedTrial):
            raise RuntimeError(planned.reason)
        return frozen, planned


def _sums(design: Weekly, frozen: AnalysisPlan, rng: Generator) -> Iterator[Sums]:
    """The sums at the end of each week, or of each day if it is watched; a unit counts after its window."""
    window, every = round((frozen.metrics[0].window_seconds or 0.0) / 86_400), DAYS if frozen.looks_weekly else 1
    days, levels = DAYS * design.weeks, {frozen.control: design.level, frozen.treatments[0]: design.truth}
    daily = {name: _daily(design.per_week * frozen.shares[name] / DAYS, days) for name in levels}
    yes = {name: rng.binomial(daily[name], level) for name, level in levels.items()}
    for day in range(every, days + 1, every):
        arms, counted = {}, max(0, day - window)
        for name in (frozen.control, *frozen.treatments):
            units, said = int(daily[name][:counted].sum()), float(yes[name][:counted].sum())
            weeks = [
                Moments(int(daily[name][at : at + DAYS].sum()), *(float(yes[name][at : at + DAYS].sum()),) * 2)
                for at in range(0, day - DAYS + 1, DAYS)
            ]
            over_time = OverTime(tuple(Level.of(mean(week)) for week in weeks), (None,) * len(weeks))
            metrics = {RESOLVED: Feedback(units, Moments(units, said, said), 1.0)} if units else {}
            arms[name] = ArmSums(int(daily[name][:day].sum()), metrics=metrics, over_time=over_time if weeks else None)
        yield Sums(day * DAY_US, arms)


def _daily(mean_units: float, days: int) -> Any:
    return np.diff(np.floor(mean_units * np.arange(days + 1) + 0.5)).astype(int)


def _trial(design: Weekly, frozen: AnalysisPlan, rng: Generator) -> tuple[int, int]:
    """The weeks at whose ends the primary metric has decided, and the candidate ships."""
    memory, decided = Memory(), NEVER
    for sums in _sums(design, frozen, rng):
        found = step(frozen, memory, sums, Circumstances(sums.at_us, 100.0, 0))
        memory, week = found.memory, ceil(sums.at_us / DAY_US / DAYS)
        decision = found.decisions[frozen.treatments[0]]
        if decision.primary is not None and decision.primary.meets:
            decided = min(decided, week)
        if decision.ships(sums.at_us):
            return decided, week
        if found.verdict is not None:
            break
    return decided, NEVER


def _measured(design: Weekly, rng: Generator, trials: int) -> list[Row]:
    frozen, planned = design.plans()
    found = [_trial(design, frozen, rng) for _ in range(trials)]
    power = planned.metrics[0].chosen.weekly
    simulated = [sum(decided <= week for decided, _ in found) / trials for week in range(1, design.weeks + 1)]
    errors = [sqrt(max(one * (1 - one), 1 / trials) / trials) for one in power]
    beyond = max(abs(one - other) - 2 * error for one, other, error in zip(power, simulated, errors, strict=True))
    by_week = " ".join(f"{100 * one:.0f}/{100 * other:.0f}" for one, other in zip(power, simulated, strict=True))
    agree = Row(
        f"{design.name}: planner and monitor by week, apart by more than 2 standard errors by",
        max(0.0, beyond), 0.0, most=WITHIN,
    )  # fmt: skip
    shown = Row(f"{design.name}: planner/monitor by week: {by_week} %", float(planned.weeks), 0.0, unit="weeks")
    ships = share(
        f"{design.name}: ships within the planner's {planned.weeks} weeks (planned: at least {planned.ships():.0%})",
        [week <= planned.weeks for _, week in found],
        least=POWER,
    )
    return [agree, shown, ships]


DESIGNS: Sequence[Weekly] = (
    Weekly(0.62, 2_000, "3pp", weeks=7),
    Weekly(0.62, 2_000, "3pp", weeks=7, baseline=True),
    Weekly(0.62, 4_000, "3pp", baseline=True),
    Weekly(0.60, 300, "10pp"),
    Weekly(0.10, 5_000, "2pp", baseline=True),
    Weekly(0.62, 2_500, "3pp", require="not_worse"),
    Weekly(0.62, 4_000, "5pp", more={"split": {"base": 80, "tuned": 20}}),
    Weekly(0.62, 5_000, "3pp", more={"looks": "monitor"}),
)


def _weekly(rng: Generator, trials: int) -> list[Row]:
    return [row for design in DESIGNS for row in _measured(design, rng, trials)]


TRIALS: Sequence[Trial] = (Trial("weekly", "Planner and monitor by week, in eight designs", _weekly, 400, 40),)
