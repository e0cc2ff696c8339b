"""Reads and changes states of experiments for commands, in the open store.

Operations are imported when they are called, because they load gates and statistics, which listing plans does not need.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fairtrial.config.local_user import local_actor
from fairtrial.config.plan.kill_files import standing_kills
from fairtrial.config.plan.live_state import keep_stopped, lay_over
from fairtrial.config.plan.plan_diff import plan_diff
from fairtrial.config.project import Project, load_project
from fairtrial.domain.errors import ConfigError, Diagnostic
from fairtrial.domain.plan import Plan
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.lifecycle import Action
from fairtrial.experiments.promotion import Promotion
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, microseconds
from fairtrial.store.experiments import published_plans, transitions
from fairtrial.store.experiments.segment_traffic import segment_page
from fairtrial.store.traffic.client_calls import errors_by_variant
from fairtrial_cli.store_client.local.conversion import Row, Time, plain, usage_errors

if TYPE_CHECKING:
    from gateway.control.background.plan_publisher import PlanPublisher


class LocalExperiments:
    """States and plans in the open store. ``config``: the project file, which a change publishes again."""

    def __init__(self, database: Database, config: Path | None, time: Time) -> None:
        self._database = database
        self._config = config
        self._time = time
        self._own: PlanPublisher | None = None

    def record_kill_files(self) -> None:
        """Record the kills that files brought to the workers, so that every answer of the store contains them."""
        if self._config is None or not standing_kills(self._database.layout.folder):
            return
        from gateway.control.operations.experiments.record_kill_files import record_kill_files

        try:
            record_kill_files(self._database, self._publisher(), now_us=self._time().stamp_us)
        except Exception:  # noqa: BLE001 - the file stays, workers obey it, and control tries again
            return

    def states(self, *, all_: bool = False) -> list[Row]:
        from gateway.control.operations.experiments.read_states import read_states

        return [plain(one) for one in read_states(self._database, self._plan(), all_=all_)]

    def state(self, name: str) -> Row:
        from gateway.control.operations.experiments.read_states import read_state

        with usage_errors():
            return plain(read_state(self._database, self._plan(), name))

    def change(
        self, name: str, action: Action, why: str, promotion: Promotion | None = None, *, rules: bool = False
    ) -> Row:
        from gateway.control.operations.experiments.change_experiment import Change, change_experiment

        actor = local_actor()
        wanted = Change(name, action, actor, why, promotion=promotion or Promotion(), rules=rules)
        with usage_errors():
            time = self._time()
            change_experiment(self._database, self._publisher(), wanted, now_us=time.stamp_us, held=time.held)
        return self.state(name)

    def transitions(self, name: str) -> list[Row]:
        return [plain(row) for row in self._database.dicts(transitions.listing(Page(), name))]

    def frozen(self) -> dict[str, AnalysisPlan]:
        from gateway.control.operations.experiments.frozen_plans import frozen_plans

        return frozen_plans(self._database)

    def decision(self, name: str) -> Row:
        from gateway.control.operations.experiments.describe_decision import describe_decision
        from gateway.control.operations.experiments.read_states import known_experiment

        with usage_errors():
            experiment = known_experiment(self._database, self._plan(), name)
        return plain(describe_decision(self._database, experiment, None, now_us=self._time().now_us, slices=False))

    def errors(self, name: str) -> list[Row]:
        page = segment_page(self._database, Page(), name)
        return [plain(one) for one in errors_by_variant(self._database, page, name)]

    def plan_log(self, limit: int) -> list[Row]:
        return [plain(row) for row in self._database.dicts(published_plans.listing(Page(limit=limit)))]

    def plan(self, plan_hash: str) -> Row:
        with usage_errors():
            return published_plans.find(self._database, plan_hash)

    def plan_diff(self, old: str, new: str) -> list[Row]:
        return plan_diff(self.plan(old), self.plan(new))

    def plan_at(self, at: datetime) -> Row:
        with usage_errors():
            return plain(published_plans.in_force(self._database, microseconds(at)))

    def publish(self) -> None:
        """Publish the file's plan with the states and keys of the store; raises `PlanRefused` and `ConfigError`."""
        self._publisher().refresh(keys_changed=True)

    def _plan(self) -> Plan:
        """The published plan, or that of the file if none is published yet, with the state of the rows."""
        published, live = self._publisher().published, transitions.live(self._database)
        if published is None:
            return lay_over(self._load().plan, live)
        return keep_stopped(published.plan, lay_over(published.plan, live))

    def _publisher(self) -> PlanPublisher:
        from gateway.control.background.plan_publisher import PlanPublisher

        if self._own is not None:
            return self._own
        config = self._config or self._database.layout.store.with_name("fairtrial.yaml")
        self._own = PlanPublisher(self._database, config, self._load, clock_us=lambda: self._time().stamp_us)
        return self._own

    def _load(self) -> Project:
        if self._config is None:
            raise ConfigError([Diagnostic("", 0, "", "no project file was named")])
        return load_project(self._config, os.environ)
