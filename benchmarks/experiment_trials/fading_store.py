"""Effects that stay, fade or turn, through journal, ingest, store and monitor, until the primary metric passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.decision_trials.fading import CONSTANT, FADING, LEVEL, MIN_DAYS, MOST_TURNED, NEW, TURNING, Kind
from benchmarks.experiment_trials.project import NAME
from benchmarks.experiment_trials.promise import Row, share
from benchmarks.experiment_trials.through_store import PROJECT, START_US, request_of
from fairtrial.config.layout import Layout
from fairtrial.config.project import load_project
from fairtrial.domain.events import Event, FeedbackEvent
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.plan import Experiment
from fairtrial.experiments.analysis.memory import Looked
from fairtrial.experiments.decision.decide import decide
from fairtrial.experiments.simulation.people import assign_people
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from gateway.control.background.experiment_monitor import ExperimentMonitor, Status
from gateway.control.background.plan_publisher import PlanPublisher

UNITS_A_DAY, WEEKS, LOOKS_A_WEEK = 150, 4, (4, 7)
MINUTE_US = 60_000_000
KINDS: tuple[Kind, ...] = (CONSTANT[0], FADING[0], TURNING[1])
SHOWN = (NEW,)
DECLARED = PROJECT.replace("mde: 10pp, min_days: 0", "mde: 5pp, on_worse: continue")


def run_trial(folder: Path, kind: Kind, number: int) -> set[str]:
    """The rules by which the primary metric passes within the weeks. Each number has other units."""
    rng, passed = np.random.default_rng([20261129, number]), set[str]()
    path, now = folder / "fairtrial.yaml", [START_US]
    path.write_text(DECLARED)
    layout = Layout(folder / "fairtrial.duckdb").make()
    with closing(JournalWriter(layout.journal, writer="w0")) as journal, closing(Database.open(layout)) as database:
        publisher = PlanPublisher(database, path, lambda: load_project(path, {}), clock_us=lambda: now[0])
        publisher.refresh(keys_changed=True)
        monitor = ExperimentMonitor(database, publisher, lambda: now[0], rest=0)
        ingester = Ingester(database, lambda: now[0])
        monitor.step()
        if publisher.published is None:
            raise RuntimeError("control has published no plan")
        experiment = publisher.published.plan.experiments[NAME]
        days = _events(rng, kind, experiment, number)
        for day, events in enumerate(days, 1):
            journal.append(*events)
            if (day - 1) % 7 + 1 not in LOOKS_A_WEEK:
                continue
            now[0] = START_US + day * DAY_US + MINUTE_US
            ingester.catch_up()
            monitor.step()
            passed |= set(_passing(monitor.statuses[NAME]))
            if passed == set(SHOWN):
                break
    return passed


def fading_passes(folder: Path, trials: int) -> list[Row]:
    """The share of trials that ship each kind of effect, by rule."""
    rows = []
    for at, kind in enumerate(KINDS):
        found = []
        for number in range(trials):
            (room := folder / f"{at}-{number}").mkdir()
            found.append(run_trial(room, kind, number))
        for name in SHOWN:
            most = MOST_TURNED if name == NEW and kind in TURNING else None
            what = f"{kind.what}: passes within {WEEKS} weeks ({name})"
            rows.append(share(what, [name in one for one in found], most=most))
    return rows


def _events(rng: np.random.Generator, kind: Kind, experiment: Experiment, trial: int) -> Iterator[list[Event]]:
    """The requests and feedback of each day: each unit sends one request, and says a minute later how it was."""
    for day in range(7 * WEEKS):
        units = [f"{trial:x}-{day}-{number}" for number in range(UNITS_A_DAY)]
        assigned = assign_people(experiment, units)
        effect = float(kind.effect(np.array([day + 0.5]))[0])
        found: list[Event] = []
        for number, (unit, arm) in enumerate(zip(units, assigned.arm.tolist(), strict=True)):
            name, serial = assigned.variants[arm], day * UNITS_A_DAY + number
            at_us = START_US + day * DAY_US + (number + 1) * DAY_US // (UNITS_A_DAY + 2)
            level = LEVEL if name == experiment.control else LEVEL + effect
            found.append(request_of(experiment, (serial, unit), name, at_us, fails=False))
            found.append(
                FeedbackEvent(
                    feedback_id=f"f-{serial}", at_us=at_us + MINUTE_US, key="resolved", request_id=f"r-{serial:08}",
                    boolean=bool(rng.random() < level), declared=True,
                )
            )  # fmt: skip
        yield found


def _passing(status: Status) -> Iterator[str]:
    """The rules by which the primary metric passes at the monitor's last step."""
    plan, sums, memory = status.stored.plan, status.sums, status.step.memory
    for name in SHOWN:
        by_rule = replace(plan, min_days=MIN_DAYS[name])
        decisions = decide(Looked(plan=by_rule, memory=memory, findings=status.step.findings, sums=sums))
        if any(one.primary is not None and one.primary.counts(sums.at_us) for one in decisions.values()):
            yield name
