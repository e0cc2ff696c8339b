"""The same trial twice, in memory and through journal, ingest and store, to compare every look and decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from benchmarks.experiment_trials.project import NAME
from benchmarks.experiment_trials.promise import Row, share
from fairtrial.config.layout import Layout
from fairtrial.config.project import load_project
from fairtrial.domain.events import AttemptRecord, Event, Exposure, FeedbackEvent, RequestEvent
from fairtrial.domain.limits.constants import DAY_US, HOUR_US
from fairtrial.domain.plan import Experiment
from fairtrial.experiments.analysis.memory import Memory
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.monitor import Circumstances, Step, step
from fairtrial.experiments.simulation.people import (
    Exposed,
    People,
    SimulatedArm,
    SimulatedAssignment,
    World,
    assign_people,
    draw_people,
    expose,
)
from fairtrial.experiments.simulation.timeline import Timeline
from fairtrial.experiments.sums import ArmSums, MetricSums
from fairtrial.journal.writer import JournalWriter
from fairtrial.stats.sequential.request_errors import RequestErrors
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import analysis_plans
from fairtrial.store.ingest.ingest import Ingester
from gateway.control.background.experiment_monitor import ExperimentMonitor
from gateway.control.background.plan_publisher import PlanPublisher

START_US = 1_800_000_000_000_000
GRID_US = 600_000_000
"""Requests come on a grid of ten minutes and steps lie between, so that no window ends within seconds of a step."""
BETWEEN_US = 60_000_000
DAYS = 6
RESOLVED = "feedback.resolved"
PROJECT = """\
version: 1
deployments:
  base: {model: openai/base, base_url: "http://127.0.0.1:9/v1"}
  tuned: {model: openai/tuned, base_url: "http://127.0.0.1:8/v1"}
routes:
  support: {experiment: tuned-vs-base}
metrics:
  resolved: {from: feedback, key: resolved, kind: boolean, window: 1d}
experiments:
  tuned-vs-base:
    question: Does the tuned model resolve more?
    unit: user
    control: base
    variants: {base: {deployment: base}, tuned: {deployment: tuned}}
    split: {base: 50, tuned: 50}
    primary: {metric: feedback.resolved, require: superior, mde: 10pp, min_days: 0}
    guardrails: [{metric: requests.error_rate, margin: 1pp}]
"""


@dataclass(frozen=True, slots=True)
class Twins:
    """What both ways showed at each step: sums, findings, and the verdict's action and reason."""

    memory: Sequence[tuple[Any, ...]]
    store: Sequence[tuple[Any, ...]]

    @property
    def agree(self) -> bool:
        """Whether every look and every decision is the same."""
        return len(self.memory) > 0 and list(self.memory) == list(self.store)


def run_twins(folder: Path, number: int, *, per_week: float = 700.0) -> Twins:
    """One trial both ways; each number has other users and another truth."""
    rng = np.random.default_rng([20261126, number])
    world = _world(rng, per_week)
    path = folder / "fairtrial.yaml"
    path.write_text(PROJECT)
    now = [START_US]
    layout = Layout(folder / "fairtrial.duckdb").make()
    with closing(JournalWriter(layout.journal, writer="w0")) as journal, closing(Database.open(layout)) as database:
        publisher = PlanPublisher(database, path, lambda: load_project(path, {}), clock_us=lambda: now[0])
        publisher.refresh(keys_changed=True)
        monitor = ExperimentMonitor(database, publisher, lambda: now[0], rest=0)
        ingester = Ingester(database, lambda: now[0])
        monitor.step()
        stored = analysis_plans.newest(database, NAME)
        published = publisher.published
        if stored is None or published is None:
            raise RuntimeError("control has frozen no plan")
        experiment = published.plan.experiments[NAME]
        people, assigned, exposed = _people(rng, world, experiment)
        timeline = Timeline.of(stored.plan, world, people, (assigned, exposed))
        memory = list(_in_memory(stored.plan, timeline))
        lines = sorted(_lines(experiment, world, people, (assigned, exposed), stored.plan), key=lambda one: one.at_us)
        found: list[tuple[Any, ...]] = []
        written = 0
        for at_us in _steps(timeline):
            now[0] = at_us
            due = next((index for index, one in enumerate(lines) if one.at_us > at_us), len(lines))
            if lines[written:due]:
                journal.append(*lines[written:due])
            written = due
            ingester.catch_up()
            monitor.step()
            status = monitor.statuses[NAME]
            found.append((*_shown(at_us, status.step), _without_heaviest(status.sums.arms)))
            if status.step.verdict is not None:
                break
    return Twins(memory, found)


def _without_heaviest(arms: Mapping[str, ArmSums]) -> dict[str, ArmSums]:
    """The sums without the share of the heaviest users, which decides nothing and which a simulation does not know."""

    def known(sums: MetricSums) -> MetricSums:
        if not isinstance(sums, RequestErrors) or sums.shares is None or sums.shares.every is None:
            return sums
        return replace(sums, shares=replace(sums.shares, every=replace(sums.shares.every, heaviest=None)))

    return {
        name: replace(arm, metrics={metric: known(sums) for metric, sums in arm.metrics.items()})
        for name, arm in arms.items()
    }


def agreement(folder: Path, trials: int) -> list[Row]:
    """The share of trials in which both ways agree at every step."""
    hits = []
    for number in range(trials):
        (room := folder / str(number)).mkdir()
        hits.append(run_twins(room, number).agree)
    return [replace(share("looks and decisions agree", hits, least=1.0), error=0.0)]


def _world(rng: Generator, per_week: float) -> World:
    sick = 0.05 if rng.random() < 0.4 else 0.01
    base = SimulatedArm(levels={RESOLVED: 0.6}, response=0.9, late_days=0.3, errors=0.01)
    tuned = replace(base, levels={RESOLVED: float(rng.choice([0.6, 0.8]))}, errors=sick)
    return World(per_week=per_week, arms={"base": base, "tuned": tuned}, habit="uniform", most=4, active_days=3.0)


def _people(rng: Generator, world: World, experiment: Experiment) -> tuple[People, SimulatedAssignment, Exposed]:
    span = START_US + GRID_US, START_US + DAYS * DAY_US
    drawn = draw_people(rng, world, units=world.per_week, span_us=span, feedback=[RESOLVED], amounts=False)
    people = replace(
        drawn,
        arrival_us=drawn.arrival_us // GRID_US * GRID_US,
        at_us=drawn.at_us // GRID_US * GRID_US,
    )
    assigned = assign_people(experiment, people.names)
    return people, assigned, expose(people, assigned, [(START_US, 100.0)], from_us=START_US)


def _steps(timeline: Timeline) -> list[int]:
    regular = range(START_US + 6 * HOUR_US, START_US + (DAYS + 2) * DAY_US, 6 * HOUR_US)
    failures = [int(one) for one in timeline.harm_us if one < START_US + (DAYS + 2) * DAY_US]
    return sorted({one + BETWEEN_US for one in (*regular, *failures)})


def _in_memory(plan: AnalysisPlan, timeline: Timeline) -> Iterator[tuple[Any, ...]]:
    memory = Memory()
    for at_us in _steps(timeline):
        sums = timeline.at(at_us)
        found = step(plan, memory, sums, Circumstances(at_us, 100.0, plan.started_us, followed=None))
        memory = found.memory
        yield (*_shown(at_us, found), sums.arms)
        if found.verdict is not None:
            return


def _shown(at_us: int, found: Step) -> tuple[Any, ...]:
    verdict = None if found.verdict is None else (found.verdict.do, found.verdict.why)
    return at_us, found.findings, found.memory, verdict


def _lines(
    experiment: Experiment,
    world: World,
    people: People,
    exposed: tuple[SimulatedAssignment, Exposed],
    plan: AnalysisPlan,
) -> Iterator[Event]:
    """The journal's lines of all requests, and of the feedback of each unit on its first request."""
    assigned, times = exposed
    metric = next(one for one in plan.metrics if one.metric == RESOLVED)
    said: set[int] = set()
    for number, unit in enumerate(people.unit.tolist()):
        if not times.counted[number]:
            continue
        name, at_us = assigned.variants[int(assigned.arm[unit])], int(people.at_us[number])
        fails = bool(people.luck[number] < world.arms[name].errors)
        yield request_of(experiment, (number, people.names[unit]), name, at_us, fails=fails)
        if unit not in said:
            said.add(unit)
            arm = world.arms[name]
            delay_us = float(people.delay[RESOLVED][unit]) * arm.late_days * DAY_US
            if people.gives[RESOLVED][unit] < arm.response and delay_us <= (metric.window_seconds or 0.0) * 1e6:
                value = bool(people.says[RESOLVED][unit] < arm.levels[RESOLVED])
                yield FeedbackEvent(
                    feedback_id=f"f-{number}", at_us=at_us + int(delay_us), key="resolved",
                    request_id=f"r-{number:08}", boolean=value, declared=True,
                )  # fmt: skip


def request_of(
    experiment: Experiment, named: tuple[int, str], variant: str, at_us: int, *, fails: bool
) -> RequestEvent:
    """One request with its only attempt. ``named``: its number and its unit."""
    number, unit = named
    exposure = Exposure(
        unit=unit, unit_kind="user", enrolled=True, state="running", stage=100.0, propensity=0.5,
        enrol_bucket=0.5, arm_bucket=0.5, analysis_hash=experiment.analysis_hash,
    )  # fmt: skip
    attempt = AttemptRecord(
        purpose="live", deployment=variant, at_us=at_us, outcome="failed" if fails else "answered",
        status=500 if fails else 200, fault="upstream" if fails else None,
    )  # fmt: skip
    return RequestEvent(
        request_id=f"r-{number:08}", at_us=at_us, endpoint="chat.completions", route="support",
        status=500 if fails else 200, outcome="error" if fails else "ok", reason="assigned", plan_hash="p",
        worker="w0", experiment=experiment.name, variant_assigned=variant, variant_served=variant, unit=unit,
        arm_outcome="failed" if fails else "answered", user_outcome="failed" if fails else "answered",
        latency_ms=10.0, exposure=exposure, attempts=[attempt],
    )  # fmt: skip
