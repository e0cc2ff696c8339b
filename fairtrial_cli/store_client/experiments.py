"""Reads and changes states of experiments for commands, in the open store or through control's API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from fairtrial.config.plan.live_state import keep_stopped, lay_over
from fairtrial.config.plan.plan_diff import plan_diff
from fairtrial.config.project import Project, load_project
from fairtrial.domain.errors import ConfigError, Diagnostic, RequestError, UsageError
from fairtrial.domain.plan import Plan
from fairtrial.experiments.analysis.plan import AnalysisPlan
from fairtrial.experiments.lifecycle import Action
from fairtrial.experiments.promotion import Promotion
from fairtrial.store.access.sessions import local_user
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, timestamp
from fairtrial.store.experiments import published_plans, transitions
from fairtrial_cli.store_client.accounts import Clock, SendRequest
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.operations.change_experiment import (
    Change,
    change_experiment,
    describe_state,
    find_experiment,
)
from gateway.control.operations.describe_decision import describe_decision
from gateway.control.operations.frozen_plans import frozen_plans

Row = dict[str, Any]


class LocalExperiments:
    """States and plans in the open store. ``config``: the project file, which a change publishes again."""

    def __init__(self, database: Database, config: Path | None, now_us: Clock) -> None:
        self._database = database
        self._config = config
        self._now_us = now_us

    def states(self) -> list[Row]:
        last, plan = transitions.last(self._database), self._plan()
        return [plain(describe_state(plan, name, last.get(name))) for name in plan.experiments]

    def state(self, name: str) -> Row:
        with usage_errors():
            plan = self._plan()
            find_experiment(plan, name)
            return plain(describe_state(plan, name, transitions.last(self._database).get(name)))

    def change(self, name: str, action: Action, why: str, promotion: Promotion | None = None) -> Row:
        wanted = Change(name, action, f"local user {local_user()}", why, promotion=promotion or Promotion())
        with usage_errors():
            change_experiment(self._database, self._publisher(), wanted, now_us=self._now_us())
        return self.state(name)

    def transitions(self, name: str) -> list[Row]:
        return [plain(row) for row in self._database.dicts(transitions.listing(Page(), name))]

    def frozen(self) -> dict[str, AnalysisPlan]:
        return frozen_plans(self._database)

    def decision(self, name: str) -> Row:
        with usage_errors():
            experiment = find_experiment(self._plan(), name)
        return plain(describe_decision(self._database, experiment, None, now_us=self._now_us(), slices=False))

    def plan_log(self, limit: int) -> list[Row]:
        return [plain(row) for row in self._database.dicts(published_plans.listing(Page(limit=limit)))]

    def plan(self, plan_hash: str) -> Row:
        with usage_errors():
            return published_plans.find(self._database, plan_hash)

    def plan_diff(self, old: str, new: str) -> list[Row]:
        return plan_diff(self.plan(old), self.plan(new))

    def plan_at(self, at_us: int) -> Row:
        with usage_errors():
            return plain(published_plans.in_force(self._database, at_us))

    def _plan(self) -> Plan:
        """The published plan, or that of the file if none is published yet, with the state of the rows."""
        published, live = self._publisher().published, transitions.live(self._database)
        if published is None:
            return lay_over(self._load().plan, live)
        return keep_stopped(published.plan, lay_over(published.plan, live))

    def _publisher(self) -> PlanPublisher:
        config = self._config or self._database.layout.store.with_name("fairtrial.yaml")
        return PlanPublisher(self._database, config, self._load, clock_us=self._now_us)

    def _load(self) -> Project:
        if self._config is None:
            raise ConfigError([Diagnostic("", 0, "", "no project file was named")])
        return load_project(self._config, os.environ)


class RemoteExperiments:
    """States and plans through control's API."""

    def __init__(self, send: SendRequest) -> None:
        self._send = send

    def states(self) -> list[Row]:
        return self._rows("/api/experiment-states")

    def state(self, name: str) -> Row:
        return self._one(_path(name, "state"))

    def change(self, name: str, action: Action, why: str, promotion: Promotion | None = None) -> Row:
        body = {"why": why} | ({} if promotion is None else plain(promotion))
        answer = self._send("POST", _path(name, action), content=msgspec.json.encode(body))
        return msgspec.json.decode(answer, type=Row)

    def transitions(self, name: str) -> list[Row]:
        return self._rows(_path(name, "transitions"))

    def frozen(self) -> dict[str, AnalysisPlan]:
        return {row["experiment"]: AnalysisPlan.restored(row) for row in self._rows("/api/analysis-plans")}

    def decision(self, name: str) -> Row:
        answer = self._send("GET", _path(name, "decision"), params={"slices": "false"})
        return msgspec.json.decode(answer, type=Row)

    def plan_log(self, limit: int) -> list[Row]:
        return self._rows("/api/plans", limit=limit)

    def plan(self, plan_hash: str) -> Row:
        return self._one(f"/api/plans/{quote(plan_hash, safe='')}")

    def plan_diff(self, old: str, new: str) -> list[Row]:
        return self._rows("/api/plans/diff", **{"from": old, "to": new})

    def plan_at(self, at_us: int) -> Row:
        at = f"{timestamp(at_us).isoformat()}Z"
        return msgspec.json.decode(self._send("GET", "/api/plans/at", params={"at": at}), type=Row)

    def _one(self, path: str) -> Row:
        return msgspec.json.decode(self._send("GET", path), type=Row)

    def _rows(self, path: str, **params: Any) -> list[Row]:
        return msgspec.json.decode(self._send("GET", path, params=params), type=dict[str, list[Row]])["rows"]


@contextmanager
def usage_errors() -> Iterator[None]:
    """Raise errors of operations as `UsageError`."""
    try:
        yield
    except RequestError as error:
        raise UsageError(error.message) from error


def plain(value: Any) -> Row:
    """The value as JSON values."""
    found: Row = msgspec.to_builtins(value)
    return found


def _path(name: str, what: str) -> str:
    return f"/api/experiments/{quote(name, safe='')}/{what}"
