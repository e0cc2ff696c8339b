"""Lost records from worker to decision: the real writer, assignment, journal, ingest, store and monitor."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from benchmarks.experiment_trials.project import NAME
from benchmarks.experiment_trials.promise import Row, share
from benchmarks.experiment_trials.through_store import DAYS, PROJECT, START_US
from fairtrial.config.layout import Layout
from fairtrial.config.project import load_project
from fairtrial.domain.decision.split import LostRecords
from fairtrial.domain.decision.values import Decision
from fairtrial.domain.events import AttemptRecord, Event, Exposure, FeedbackEvent, RequestEvent
from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.plan import Experiment
from fairtrial.experiments.assignment import assign
from fairtrial.journal.writer import JournalWriter
from fairtrial.store.core.database import Database
from fairtrial.store.ingest.ingest import Ingester
from gateway.control.background.experiment_monitor import ExperimentMonitor
from gateway.control.background.plan_publisher import PlanPublisher

DAILY, LEVEL, LOST = 220, 0.6, 0.03
MARK = b'"tags":{"lost":"yes"}'


class LossyWriter(JournalWriter):
    """A writer whose disk loses the marked lines."""

    def _write(self, whole: bytes) -> bytes:
        lines = whole.splitlines(keepends=True)
        super()._write(b"".join(line for line in lines if MARK not in line))
        return b"".join(line for line in lines if MARK in line)


@dataclass(frozen=True, slots=True)
class Ended:
    """What a trial ends with. ``exact``: whether control's figures are the records that were lost."""

    invalid: bool
    better: bool
    exact: bool


def lost_records(folder: Path, trials: int) -> list[Row]:
    """Three per cent of the units, those who would say no, lose their records: in the candidate, and in both arms."""
    template = folder / "template"
    template.mkdir()
    Database.open(Layout(template / "fairtrial.duckdb").make()).close()
    rows = []
    for name, arms in (("the candidate loses", {"tuned"}), ("both arms lose", {"base", "tuned"})):
        found = []
        for number in range(trials):
            room = folder / "trial"
            shutil.copytree(template, room)
            found.append(_trial(room, np.random.default_rng([20261129, number]), arms))
            shutil.rmtree(room)
        equal = len(arms) == 2
        rows += [
            share(f"{name} 3 % of its units: INVALID", [one.invalid for one in found],
                  most=0.01 if equal else None, least=None if equal else 0.75),
            share(f"{name} 3 % of its units: better", [one.better for one in found], most=0.05),
            share(f"{name} 3 % of its units: control's figures are exact", [one.exact for one in found], least=1.0),
        ]  # fmt: skip
    return rows


def _trial(folder: Path, rng: Generator, losing: set[str]) -> Ended:
    path, now = folder / "fairtrial.yaml", [START_US]
    path.write_text(PROJECT)
    layout = Layout(folder / "fairtrial.duckdb").make()
    with (
        closing(Database.open(layout)) as database,
        closing(LossyWriter(layout.journal, writer="w0", counts_assigned=True)) as journal,
    ):
        publisher = PlanPublisher(database, path, lambda: load_project(path, {}), clock_us=lambda: now[0])
        publisher.refresh(keys_changed=True)
        monitor, ingester = ExperimentMonitor(database, publisher, lambda: now[0], rest=0), None
        ingester = Ingester(database, lambda: now[0])
        monitor.step()
        assert publisher.published is not None
        experiment = publisher.published.plan.experiments[NAME]
        lost = {"base": 0, "tuned": 0}
        for day in range(1, DAYS + 1):
            for event in _day(rng, experiment, day, losing):
                journal.append(event)
                if isinstance(event, RequestEvent) and event.tags:
                    lost[str(event.variant_assigned)] += 1
            journal.look()
            now[0] = START_US + day * DAY_US + DAY_US // 2
            ingester.catch_up()
            monitor.step()
        return _ended(monitor.statuses[NAME].step.decisions["tuned"], lost)


def _ended(decision: Decision, lost: dict[str, int]) -> Ended:
    found = decision.split.lost
    requests = {one.variant: one.requests for one in found.arms} if isinstance(found, LostRecords) else {}
    answer = "" if decision.primary is None else decision.primary.answer
    return Ended(not decision.split.balanced, decision.split.balanced and answer == "better", requests == lost)


def _day(rng: Generator, experiment: Experiment, day: int, losing: set[str]) -> Iterator[Event]:
    """The requests and the feedback of a day, one user each."""
    for number in range(DAILY):
        name, at_us = f"{rng.integers(1 << 62):x}", START_US + (day - 1) * DAY_US + number * 60_000_000
        placed, yes = assign(experiment, name), bool(rng.random() < LEVEL)
        lost = placed.assigned in losing and not yes and rng.random() < LOST / (1 - LEVEL)
        common: dict[str, Any] = {"tags": {"lost": "yes"}} if lost else {}
        yield RequestEvent(
            request_id=f"r-{name}", at_us=at_us, endpoint="chat.completions", route="support", status=200,
            outcome="ok", reason=placed.reason, plan_hash="p", worker="w0", experiment=experiment.name,
            variant_assigned=placed.assigned, variant_served=placed.served, unit=name, arm_outcome="answered",
            user_outcome="answered", latency_ms=10.0,
            exposure=Exposure(
                unit=name, unit_kind="user", enrolled=True, state="running", stage=100.0, propensity=0.5,
                enrol_bucket=placed.enrol_bucket, arm_bucket=placed.arm_bucket,
                analysis_hash=experiment.analysis_hash,
            ),
            attempts=[AttemptRecord(purpose="live", deployment=placed.served, at_us=at_us, outcome="answered",
                                    status=200)],
            **common,
        )  # fmt: skip
        yield FeedbackEvent(
            feedback_id=f"f-{name}", at_us=at_us + 1, key="resolved", request_id=f"r-{name}", boolean=yes,
            declared=True,
        )  # fmt: skip
