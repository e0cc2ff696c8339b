"""Runs one simulated trial, in which the real monitor looks, and records how the trial ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.random import Generator

from fairtrial.config.plan.live_state import Live, lay_over
from fairtrial.domain.decision.values import Decision
from fairtrial.domain.limits.constants import DAY_US, HOUR_US, WEEK_US
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.experiments.analysis.freeze import Known, freeze
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline, Key
from fairtrial.experiments.decision.plain_declines import offered
from fairtrial.experiments.lifecycle import DECLINED
from fairtrial.experiments.monitor import Circumstances, Step, step
from fairtrial.experiments.simulation import people
from fairtrial.experiments.simulation.timeline import Timeline
from fairtrial.experiments.sums import Sums

START_US = 1_800_000_000_000_000
"""When every simulated trial starts."""

End = Literal["ship", "kill", "pause", "end", "stage", "rollback", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSetting:
    """What is simulated.

    ``plan`` and ``name``: the compiled project and its experiment. ``known``: of each metric before the start.
    ``events``: what people do, by day. ``every_us``: the time between two steps of the monitor; it also makes one at
    every first error of a unit. ``until_shipped``: whether a trial ends as soon as the candidate may ship.
    ``resumes``: whether each pause for a decline is resumed at once.
    """

    plan: Plan
    name: str
    world: people.World
    known: Mapping[str, Known] = field(default_factory=dict)
    events: tuple[people.SimulatedEvent, ...] = ()
    every_us: int = HOUR_US
    until_shipped: bool = True
    resumes: bool = False


def run_trial(setting: TrialSetting, rng: Generator) -> "TrialOutcome":
    """One trial from its start to its end."""
    return _Trial(setting, rng).run()


class _Trial:
    """The state of one trial. Each segment has its salt and its units, and each plan its memory."""

    def __init__(self, setting: TrialSetting, rng: Generator) -> None:
        self._setting, self._rng = setting, rng
        self._experiment = setting.plan.experiments[setting.name]
        self._waiting = list(setting.events)
        self._outcome = TrialOutcome()
        self._people = self._drawn()
        self._attempt = 0
        self._now_us = self._quiet_until_us = START_US
        self._begin(segment=1)

    def run(self) -> "TrialOutcome":
        """The outcome, after the last step."""
        while self._outcome.end is None:
            if self._number == len(self._times):
                self._assign_more()
                continue
            self._now_us = int(self._times[self._number])
            self._number += 1
            if not self._happened() and self._now_us >= self._quiet_until_us:
                self._step()
        return self._outcome

    def _drawn(self) -> people.People:
        """The people who may come until the last possible day."""
        last = self._experiment.enrolment.stages[-1]
        frozen = freeze(self._setting.plan, self._experiment, START_US)
        rearmed = max((event.day for event in self._setting.events if event.do == "rearm"), default=0.0)
        end_us = START_US + frozen.max_weeks * WEEK_US + round(rearmed * DAY_US)
        return people.draw_people(
            self._rng,
            self._setting.world,
            units=self._setting.world.per_week * 100 / last,
            span_us=(START_US, end_us),
            feedback=[f"feedback.{metric.key}" for metric in self._experiment.feedback],
            amounts=any(metric.method in ("amount", "quantile") for metric in frozen.metrics),
        )

    def _begin(self, segment: int) -> None:
        """Start a segment: a new salt, its first stage, and a new attempt."""
        stages = self._experiment.enrolment.stages
        laid = lay_over(self._setting.plan, {self._setting.name: Live(stages[0], "running", segment)})
        self._experiment = laid.experiments[self._setting.name]
        self._until_us = self._now_us + WEEK_US
        self._assigned: people.SimulatedAssignment = people.assign_people(self._experiment, self._arriving(0))
        self._stages = [(self._now_us, stages[0])]
        self._approved: frozenset[float] = frozenset()
        self._accepted: dict[Key, AcceptedDecline] = {}
        self._started_us = self._now_us
        self._freeze(self._experiment)

    def _arriving(self, known: int) -> Sequence[str]:
        """The people from this number on who arrive until the time up to which all are assigned."""
        return self._people.names[known : int(np.searchsorted(self._people.arrival_us, self._until_us, side="right"))]

    def _assign_more(self) -> None:
        """Assign the people of the next week; most trials end before they need everybody."""
        if self._until_us >= self._started_us + self._plan.max_weeks * WEEK_US:
            raise RuntimeError("the monitor did not end the experiment at its last step")
        self._until_us += WEEK_US
        more = people.assign_people(self._experiment, self._arriving(len(self._assigned.arm)))
        self._assigned = people.join(self._assigned, more)
        self._expose()

    def _freeze(self, experiment: Experiment, *, revision: int = 1) -> None:
        """Freeze the plan of the next attempt, which knows nothing of earlier looks."""
        self._attempt += 1
        self._experiment = experiment
        self._plan: AnalysisPlan = replace(
            freeze(self._setting.plan, experiment, self._now_us, self._setting.known),
            started_us=self._started_us,
            revision=revision,
            attempt=self._attempt,
        )
        self._memory = Memory()
        self._expose()

    def _expose(self) -> None:
        """Compute all exposures and sums to come, as if the stages stayed as they are."""
        exposed = people.expose(self._people, self._assigned, self._stages, from_us=self._plan.from_us)
        self._timeline = Timeline.of(self._plan, self._setting.world, self._people, (self._assigned, exposed))
        self._times, self._number = self._steps(), 0

    def _steps(self) -> people.Ints:
        """When the monitor makes its steps."""
        end_us = min(self._until_us, self._started_us + self._plan.max_weeks * WEEK_US)
        first = self._now_us - (self._now_us - START_US) % self._setting.every_us + self._setting.every_us
        regular = np.arange(min(first, end_us), end_us, self._setting.every_us)
        harm = self._timeline.harm_us[(self._timeline.harm_us > self._now_us) & (self._timeline.harm_us < end_us)]
        times: people.Ints = np.unique(np.concatenate((regular, harm, [end_us])))
        return times[times > self._now_us]

    def _happened(self) -> bool:
        """Whether a person acted now, so that the monitor's state is new."""
        if not self._waiting or self._now_us < START_US + self._waiting[0].day * DAY_US:
            return False
        event = self._waiting.pop(0)
        if event.do == "rearm":
            self._begin(self._experiment.segment + 1)
        elif event.do == "amend":
            primary = self._experiment.primary
            amended = replace(self._experiment, primary=replace(primary, mde=event.mde)) if primary else None
            if amended is not None:
                self._freeze(amended, revision=self._plan.revision + 1)
        else:
            back = [waiting.day for waiting in self._waiting if waiting.do == "rearm"]
            if not back:
                self._outcome.ended("stopped", self._now_us - START_US, self._timeline.at(self._now_us))
            else:
                self._quiet_until_us = START_US + round(back[0] * DAY_US)
        return True

    def _step(self) -> None:
        sums = self._timeline.at(self._now_us)
        stage_since_us, stage = self._stages[-1]
        around = Circumstances(self._now_us, stage, stage_since_us, self._approved, accepted=self._accepted)
        result: Step = step(self._plan, self._memory, sums, around)
        self._memory = result.memory
        self._outcome.invalid |= result.memory.split.invalid
        if result.findings or result.verdict is not None:
            self._outcome.looked(result, sums)
        if result.asks_approval is not None:
            self._approved |= {result.asks_approval}
        verdict, after_us = result.verdict, self._now_us - START_US
        if verdict is not None and verdict.do == "stage" and verdict.stage is not None:
            self._stages.append((self._now_us, verdict.stage))
            self._expose()
        elif verdict is not None and self._setting.resumes and DECLINED in verdict.evidence:
            declines = offered(self._plan, sums, verdict.evidence)
            self._accepted |= {decline.key: decline for decline in declines}
        elif verdict is not None and verdict.do != "end":
            self._outcome.ended(verdict.do, after_us, sums)
        elif self._setting.until_shipped and shipped(result.decisions, self._now_us):
            self._outcome.ended("ship", after_us, sums)
        elif verdict is not None:
            self._outcome.ended(verdict.do, after_us, sums)


@dataclass(slots=True)
class TrialOutcome:
    """One trial.

    ``end``: why it ended; ``stopped`` is by a person. ``days``: its length. ``units``: of each arm at the end.
    ``by``: the guardrail that stopped it. ``paused``: the units of each arm when a decline first paused it. ``better``
    and ``worse``: whether the primary metric was ever called so for any treatment. ``safe``: the guardrails that
    were ever called safe. ``invalid``: whether the split was ever rejected. ``broken``: whether intervals excluded
    each other. ``decided_us``: when the primary metric was first called better, or not worse.
    """

    end: End | None = None
    days: float = 0.0
    units: Mapping[str, int] = field(default_factory=dict)
    by: str = ""
    paused: Mapping[str, int] = field(default_factory=dict)
    better: bool = False
    worse: bool = False
    not_worse: bool = False
    safe: set[str] = field(default_factory=set)
    invalid: bool = False
    broken: bool = False
    looks: int = 0
    decided_us: int | None = None

    def looked(self, step: Step, sums: Sums) -> None:
        """Add the result of one step of the monitor."""
        self.looks += bool(step.findings)
        guardrails = [guardrail for decision in step.decisions.values() for guardrail in decision.guardrails]
        self.safe |= {guardrail.metric for guardrail in guardrails if guardrail.answer == "safe"}
        for primary in (decision.primary for decision in step.decisions.values()):
            if primary is not None:
                self.better |= primary.answer == "better"
                if self.decided_us is None and primary.answer in ("better", "not worse"):
                    self.decided_us = primary.answered_us
                self.worse |= primary.answer == "worse"
                self.not_worse |= primary.answer == "not worse"
                self.broken |= primary.changed
        if step.verdict is not None and step.verdict.do in ("kill", "pause"):
            evidence = step.verdict.evidence
            declined = evidence.get(DECLINED, ())
            self.by = str(evidence.get("metric") or next((decline["metric"] for decline in declined), ""))
            if declined and not self.paused:
                self.paused = {name: arm.units for name, arm in sums.arms.items()}

    def ended(self, end: End, after_us: int, sums: Sums) -> None:
        """Close it."""
        self.end, self.days = end, after_us / DAY_US
        self.units = {name: arm.units for name, arm in sums.arms.items()}


def shipped(decisions: Mapping[str, Decision], now_us: int) -> str | None:
    """The first treatment that may ship: its primary metric passes, all guardrails are safe, and the split is valid."""
    return next((variant for variant, decision in decisions.items() if decision.ships(now_us)), None)
