"""Watches running experiments: freezes their plans, looks at their sums, and does what the rules say."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.errors import FairtrialError, StoreError
from fairtrial.domain.limits.constants import HOUR_US
from fairtrial.domain.plan import Experiment, Plan, Published
from fairtrial.experiments.analysis.freeze import with_later_end
from fairtrial.experiments.analysis.frozen_guard import is_frozen
from fairtrial.experiments.analysis.memory import Looked, Memory, SplitLatch
from fairtrial.experiments.decision.decide import decide, is_look_due, look
from fairtrial.experiments.decision.wording import headline_words
from fairtrial.experiments.lifecycle import shortened
from fairtrial.experiments.monitor import Circumstances, Step, Verdict, step
from fairtrial.experiments.sums import Sums
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import alarms, analysis_plans, looks, transitions
from fairtrial.store.experiments.analysis_plans import StoredPlan
from fairtrial.store.experiments.sums import arm_sums
from fairtrial.store.experiments.sums.over_time_sums import add_weeks
from gateway.control.background.circumstances import CircumstancesReader
from gateway.control.background.harm_test import HarmTest
from gateway.control.background.step_pace import REST, StepPace
from gateway.control.background.trusted_clock import TrustedClock
from gateway.control.experiments.experiment_alarms import find_alarms, find_unit_alarms, has_just_met
from gateway.control.experiments.frozen_plans import first_levels, settle_level, start_plan
from gateway.control.experiments.state_change import Change, change_state
from gateway.control.present import Publisher
from gateway.control.verdicts.equality import NOT_STARTED, same_as_control

MOST_TEXT = 300
MANY_UNITS = 100_000

log = logging.getLogger("fairtrial.control")


@dataclass(frozen=True, slots=True)
class Status:
    """The last step of one experiment, for pages. ``sums`` are the data behind it."""

    stored: StoredPlan
    sums: Sums
    step: Step


class ExperimentMonitor:
    """Steps through the running experiments of the published plan; one thread calls `step`.

    ``statuses`` has the last step of each experiment, by name. ``rest``: as in `StepPace`.
    ``clock``: checks the clock of this machine; by default ``clock_us`` is always right. ``add_sums``: adds what is
    stored to the sums of units, before they are read.
    """

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        clock_us: Callable[[], int],
        *,
        rest: float = REST,
        clock: TrustedClock | None = None,
        add_sums: Callable[[], object] = lambda: None,
    ) -> None:
        self._add_sums = add_sums
        self._pace, self._database, self._publisher = StepPace(database, rest=rest), database, publisher
        self.step_counts = self._pace.counts
        self._clock_us, self._clock = clock_us, clock or TrustedClock.without_check(database, clock_us)
        self._around = CircumstancesReader(database, self._clock, is_check_due=self._pace.is_check_due)
        self._harm = HarmTest(database, self._memory)
        self._memories: dict[int, Memory] = {}
        self._names: frozenset[str] | None = None
        self._stopped: set[str] = set()
        self.statuses: dict[str, Status] = {}

    def step(self) -> None:
        """Step every experiment whose counted events have just proven harm, and every one that needs a step.

        Harm is tested before each of these steps, so that a kill waits for no more than one of them. An error in one
        experiment becomes its alarm, and the others go on. Raises `StoreError` at the end, because then no alarm can be
        kept.
        """
        with self._database.changes.about():
            self._clock.step()
        failures: list[StoreError] = []
        with self._pace.round():
            due = self._due(failures)
            self._stop_harm(failures)
            for name in due:
                self._guarded(name, self._add_sums, failures)
                self._stop_harm(failures)
                if (published := self._running(name)) is not None:
                    self._one(published, name, failures)
        if failures:
            raise failures[0]

    def _due(self, failures: list[StoreError]) -> list[str]:
        """The experiments that need a step; what only running ones have is settled for the others."""
        published, clocks = self._publisher.published, self._clock.now()
        if published is None:
            return []
        self._forget_removed(frozenset(published.plan.experiments))
        for experiment in published.plan.experiments.values():
            if experiment.state != "running":
                self._guarded(experiment.name, partial(self._settle_stopped, experiment), failures)
        return [
            name
            for name in published.plan.experiments
            if self._running(name) and self._pace.is_due(name, published, clocks)
        ]

    def _running(self, name: str) -> Published | None:
        """What is published now, if the experiment runs by it."""
        published = self._publisher.published
        experiment = None if published is None else published.plan.experiments.get(name)
        return published if experiment is not None and experiment.state == "running" else None

    def _stop_harm(self, failures: list[StoreError]) -> None:
        """A step of each running experiment that failures since the last test prove to do harm."""
        if (published := self._publisher.published) is None:
            return
        running = [each for each in published.plan.experiments.values() if each.state == "running"]
        for experiment in self._harm.harmful(running, self._clock.now().now_us):
            self._one(published, experiment.name, failures)

    def _one(self, published: Published, name: str, failures: list[StoreError]) -> None:
        with self._pace.resting(name, published), self._database.changes.about(name):
            self._guarded(name, partial(self._step_one, published, published.plan.experiments[name]), failures)

    def _guarded(self, name: str, action: Callable[[], object], failures: list[StoreError]) -> None:
        """An error becomes an alarm of the experiment; those of the store are collected."""
        try:
            action()
        except StoreError as error:
            self.step_counts.failed += 1
            failures.append(error)
        except Exception as error:  # noqa: BLE001 - it becomes the alarm of its experiment
            self.step_counts.failed += 1
            log.error("experiment %s: its step failed (%r)", name, error)
            self._failed(name, error)

    def _forget_removed(self, names: frozenset[str]) -> None:
        """Close the alarms of experiments that the plan no longer has, because nothing else would."""
        if names == self._names:
            return
        for name in alarms.standing_experiments(self._database) - names:
            families = ("experiment", "promotion", "stage", "units", "clock")
            alarms.settle(self._database, name, {}, families=families, now_us=self._clock_us(), actor=CONTROL)
        for name in self.statuses.keys() - names:
            del self.statuses[name]
        self._names = names

    def _failed(self, name: str, error: Exception) -> None:
        """Open or renew the alarm that the looks at an experiment fail."""
        text = f"{type(error).__name__}: {' '.join(str(error).split())[:MOST_TEXT]}"
        with self._database.transaction() as cursor:
            alarms.open_alarm(cursor, alarms.FAILED_LOOK, name, text=text, now_us=self._clock_us(), actor=CONTROL)

    def _settle_stopped(self, experiment: Experiment) -> None:
        """Close the alarms that matter only while an experiment runs, once after it has stopped."""
        self.statuses.pop(experiment.name, None)
        if experiment.name in self._stopped:
            return
        families = ("stage", "units", "clock", *(("experiment",) if experiment.state == "ended" else ()))
        alarms.settle(self._database, experiment.name, {}, families=families, now_us=self._clock_us(), actor=CONTROL)
        self._stopped.add(experiment.name)

    def _step_one(self, published: Published, experiment: Experiment) -> None:
        self._stopped.discard(experiment.name)
        name, changes = experiment.name, self._database.changes
        others, clocks = changes.count(name) - changes.own(name), self._clock.now()
        if (frozen := self._stored(published.plan, experiment, clocks.now_us)) is None:
            return  # the next step reads the plan of now
        stored, hashes, sums = self._read(frozen, clocks.now_us)
        memory = self._memory(stored)
        around = self._around.read(experiment, stored, hashes, sums, clocks)
        result = step(stored.plan, memory, sums, around)
        _log_split(experiment.name, memory.split, result.memory.split)
        if result.memory.split.invalid and not memory.split.invalid and not result.findings:
            findings = look(stored.plan, memory, sums)
            result = replace(result, findings=findings, memory=memory.after(stored.plan, sums, findings))
        if result.findings:
            self._keep(stored, sums, result, memory)
        self._memories[stored.number] = result.memory
        self.statuses[experiment.name] = Status(stored, sums, result)
        self._raise_alarms(experiment, stored, result, around)
        if result.verdict is not None:
            self._act(experiment, result.verdict, clocks.stamp_us)
        counted, busy = others + changes.own(name), _has_many_units(sums)
        self._pace.note(experiment, counted, (stored.plan, result.memory), around, busy=busy)

    def _keep(self, stored: StoredPlan, sums: Sums, result: Step, before: Memory) -> None:
        """Store the look with its decisions, and a notice for each treatment that has just met the plan."""
        plan, now_us = stored.plan, sums.at_us
        looked = Looked(plan=plan, memory=result.memory, findings=result.findings, sums=sums)
        decisions = decide(looked, forecasts=True)
        with self._database.transaction() as cursor:
            looks.append(cursor, stored.number, looked, decisions)
            for decision in decisions.values():
                if has_just_met(decision, before):
                    text = f"{plan.experiment}: {headline_words(plan, decision)}."
                    alarms.notice(cursor, "notice.better", plan.experiment, text=text, now_us=now_us, actor=CONTROL)

    def _stored(self, plan: Plan, experiment: Experiment, now_us: int) -> StoredPlan | None:
        """The frozen plan, which begins now if there is none; ``None`` by an older ``plan``, or without the file."""
        stored = analysis_plans.newest(self._database, experiment.name)
        if stored is not None and is_frozen({experiment.name: stored.plan}, experiment):
            return replace(stored, plan=with_later_end(stored.plan, experiment).in_week(now_us))
        if same := [result.words for result in same_as_control(self._database, plan, experiment)]:
            why = shortened(f"{'; '.join(same)} ({NOT_STARTED})")
            pause = Change(experiment.name, "pause", CONTROL, why, segment=experiment.segment)
            change_state(self._database, self._publisher, pause, now_us=now_us)
            return None
        return start_plan(self._database, plan, experiment, now_us=now_us) if self._publisher.has_declaration else None

    def _read(self, stored: StoredPlan, now_us: int) -> tuple[StoredPlan, Sequence[str], Sums]:
        """The analysis hashes and the sums of all arms, after the levels that the control's first units can set."""
        hashes = analysis_plans.hashes(self._database, stored.plan)
        with self._database.read_transaction() as cursor:
            levels = dict(first_levels(cursor, stored.plan, hashes))
        for metric, known in levels.items():
            stored = settle_level(self._database, stored, metric, known, now_us=now_us)
        return stored, hashes, self._sums(stored, hashes, now_us)

    def _sums(self, stored: StoredPlan, hashes: Sequence[str], now_us: int) -> Sums:
        """The sums for this step. Of many units, only events are read until a look is due."""
        plan, last = stored.plan, self.statuses.get(stored.plan.experiment)
        if last is not None and last.stored.number == stored.number and _has_many_units(last.sums):
            memory = self._memory(stored)
            if now_us - memory.looked_us < HOUR_US:
                with self._database.read_transaction() as cursor:
                    events = arm_sums.read_sums(cursor, plan, hashes, now_us=now_us, events_only=True)
                updated = last.sums.updated(events)
                weekly = self._with_weeks(stored, hashes, updated)
                if not is_look_due(plan, memory, weekly):
                    return weekly
        stops = transitions.interruptions(self._database, plan.experiment, plan.segment)
        with self._database.read_transaction() as cursor:
            sums = arm_sums.read_sums(
                cursor, plan, hashes, now_us=now_us, interruptions=stops, wall_us=self._clock_us()
            )
        return self._with_weeks(stored, hashes, sums)

    def _with_weeks(self, stored: StoredPlan, hashes: Sequence[str], sums: Sums) -> Sums:
        """The sums with the primary metric by whole week, which is read once a week."""
        last = self.statuses.get(stored.plan.experiment)
        known = last.sums if last is not None and last.stored.number == stored.number else None
        return add_weeks(self._database, stored.plan, hashes, sums, known=known)

    def _memory(self, stored: StoredPlan) -> Memory:
        if stored.number not in self._memories:
            with self._database.read_transaction() as cursor:
                self._memories[stored.number] = looks.memory(cursor, stored.number, stored.plan)
        return self._memories[stored.number].in_week(stored.plan)

    def _raise_alarms(self, experiment: Experiment, stored: StoredPlan, result: Step, around: Circumstances) -> None:
        """Open the alarms that are new, and close those whose cause has gone."""
        name, now_us = experiment.name, around.now_us
        busy = bool(result.findings) and _has_many_units(self.statuses[name].sums)
        if not busy and self._pace.is_check_due(name, now_us):
            self._pace.checked(name, now_us)
            found = find_unit_alarms(self._database, experiment, now_us=now_us)
            units = {f"units.{alarm.kind}": alarm.text for alarm in found}
            alarms.settle(self._database, name, units, families=("units",), now_us=now_us, actor=CONTROL)
        texts, families = dict(find_alarms(stored.plan, result, around)), ("experiment", "stage", "clock")
        runs = lambda cursor: transitions.state_of(cursor, name).state == "running"  # noqa: E731 - a pause has its own
        alarms.settle(self._database, name, texts, families=families, now_us=now_us, actor=CONTROL, still=runs)

    def _act(self, experiment: Experiment, verdict: Verdict, now_us: int) -> None:
        name, why = experiment.name, shortened(verdict.why)
        change = Change(name, verdict.do, CONTROL, why, verdict.evidence, verdict.stage, experiment.segment)
        try:
            change_state(self._database, self._publisher, change, now_us=now_us)
        except FairtrialError as error:
            log.error("experiment %s: %s (%s)", name, verdict.do, error)
            raise
        log.warning("experiment %s: %s: %s", name, verdict.do, why)


def _log_split(name: str, before: SplitLatch, after: SplitLatch) -> None:
    """Log the first lost records of an experiment, and that its arms can't be compared any more."""
    if after.lost is not None and before.lost is None:
        lost = ", ".join(f"{requests} of {arm}" for arm, (_, requests) in after.lost.arms.items())
        log.warning("experiment %s: the records of some requests were lost: %s", name, lost)
    if after.invalid and not before.invalid:
        log.error("experiment %s: its arms can't be compared: %s", name, after.fault)


def _has_many_units(sums: Sums) -> bool:
    return sum(arm.units for arm in sums.arms.values()) > MANY_UNITS
