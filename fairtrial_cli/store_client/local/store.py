"""The store opened by the command itself, because no control process runs."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from evaluators.engine.run_events import run_of
from fairtrial.config.layout import Layout
from fairtrial.config.local_user import local_actor
from fairtrial.config.plan.live_state import lay_over
from fairtrial.config.plan.published import publish, read
from fairtrial.domain.errors import PlanRefused, UsageError
from fairtrial.domain.run import Run
from fairtrial.domain.storage.keys import KeyOptions, NewKey
from fairtrial.domain.storage.overview import IngestResult, Overview
from fairtrial.domain.storage.traffic import AmountHistory, ServedBefore, Traffic
from fairtrial.domain.verdict import Verdict
from fairtrial.store.access import audit, keys
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, Query
from fairtrial.store.evaluations import runs, suite_texts, verdicts
from fairtrial.store.experiments import transitions
from fairtrial.store.experiments.sums.explained_variance import explained_amounts
from fairtrial.store.ingest.ingest import Ingester
from fairtrial.store.overview import overview
from fairtrial.store.traffic import traffic
from fairtrial_cli.store_client.local.conversion import ACTOR
from fairtrial_cli.store_client.local.experiments import LocalExperiments

if TYPE_CHECKING:
    from pathlib import Path

    from evaluators.results.run_table import RunTable
    from evaluators.suite import Suite
    from fairtrial.config.project import Project
    from fairtrial.experiments.steady_time import StepTime
    from fairtrial_cli.store_client.local.accounts import LocalAccounts
    from fairtrial_cli.store_client.local.data_audits import LocalDataAudits
    from fairtrial_cli.store_client.local.reviews import LocalReviews
    from fairtrial_cli.store_client.local.runs import LocalRuns
    from fairtrial_cli.store_client.local.verdicts import LocalVerdicts
    from gateway.control.background.trusted_clock import TrustedClock
    from gateway.control.operations.maintain_store import StoreMaintenance
    from gateway.control.operations.requests.judgement import JudgeRequest

PRIVATE_UMASK = 0o077


class LocalStore:
    """A `StoreClient` on the opened store; raises `StoreLocked` if another process holds it.

    ``config``: the project file, for changes that publish the plan. The parts of the store are imported at their first
    use. While the store is open, the umask makes all new files private, because DuckDB sets no permissions on its log.
    """

    def __init__(self, layout: Layout, config: Path | None = None) -> None:
        self._clock: TrustedClock | None = None
        self._config = config
        with ExitStack() as undo:
            undo.callback(os.umask, os.umask(PRIVATE_UMASK))
            self._database = Database.open(layout)
            undo.callback(self._database.close)
            self._ingester = Ingester(self._database, _now_us)
            self._ingester.catch_up()
            self.experiments = LocalExperiments(self._database, config, self._time)
            self.experiments.record_kill_files()
            self._undo = undo.pop_all()

    def __enter__(self) -> LocalStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    @cached_property
    def maintenance(self) -> StoreMaintenance:
        from gateway.control.operations.maintain_store import StoreMaintenance

        return StoreMaintenance(self._database, self._ingester, _now_us, actor=ACTOR)

    @cached_property
    def accounts(self) -> LocalAccounts:
        from fairtrial_cli.store_client.local.accounts import LocalAccounts

        return LocalAccounts(self._database, _now_us)

    @cached_property
    def reviews(self) -> LocalReviews:
        from fairtrial_cli.store_client.local.reviews import LocalReviews

        return LocalReviews(self._database, _now_us)

    @cached_property
    def verdicts(self) -> LocalVerdicts:
        from fairtrial_cli.store_client.local.verdicts import LocalVerdicts

        return LocalVerdicts(self._database, self._config, self._time)

    @cached_property
    def runs(self) -> LocalRuns:
        from fairtrial_cli.store_client.local.runs import LocalRuns

        return LocalRuns(self._database)

    @cached_property
    def data_audits(self) -> LocalDataAudits:
        from fairtrial_cli.store_client.local.data_audits import LocalDataAudits

        return LocalDataAudits(self._database, _now_us)

    def _time(self) -> StepTime:
        """The time by which decisions wait, checked as control does."""
        from gateway.control.background.trusted_clock import TrustedClock, read_clocks

        self._clock = self._clock or TrustedClock(self._database, read_clocks)
        return self._clock.now()

    def ingest_now(self) -> IngestResult:
        return self._ingester.catch_up()

    def publish_plan(self) -> None:
        from gateway.control.background.local_keys import INTERNAL, ensure_key

        ensure_key(self._database, INTERNAL, now_us=_now_us())
        self.experiments.publish()

    def overview(self) -> Overview:
        return overview(self._database)

    def record_suites(self, suites: Sequence[Suite]) -> None:
        from fairtrial_cli.store_client.journal_events import write_new_texts

        if write_new_texts(self._database.layout, suites, self._knows_text):
            self.ingest_now()

    def judge(self, request: JudgeRequest, project: Project) -> Verdict:
        from gateway.control.operations.judge_candidate import judge_candidate
        from gateway.control.operations.verdicts.provenance import Asked

        plan, time = lay_over(project.plan, transitions.live(self._database)), self._time()
        asked = Asked(plan, local_actor(), project.release_gates, project.root, time.held)
        return judge_candidate(self._database, request, asked, now_us=time.now_us)

    def list_verdicts(
        self, *, gate: str | None = None, candidate: str | None = None, limit: int = 100
    ) -> tuple[Verdict, ...]:
        return verdicts.with_findings(self._database, Page(limit=limit), gate=gate, candidate=candidate)

    def load_run(self, run_id: str) -> Run:
        found = runs.events(self._database, run_id)
        if found is None:
            raise UsageError(f"run: there is no run with the id {run_id!r}")
        return run_of(found)

    def load_table(self, run_id: str) -> RunTable:
        from gateway.control.operations.run_tables import load_table

        found = load_table(self._database, run_id)
        if found is None:
            raise UsageError(f"run: there is no run with the id {run_id!r}")
        return found

    def list_runs(
        self, *, suite: str | None = None, target: str | None = None, limit: int = 100
    ) -> list[dict[str, Any]]:
        return self._rows(runs.listing(Page(limit=limit), suite=suite, target=target))

    def latest_runs(
        self, *, suite: str | None = None, target: str | None = None, suite_digest: str | None = None
    ) -> list[Run]:
        found = runs.latest(self._database, suite=suite, target=target, suite_digest=suite_digest)
        return [self.load_run(run_id) for run_id in found]

    def latest_ids(self, *, suite: str, target: str) -> list[str]:
        return runs.latest(self._database, suite=suite, target=target)

    def traffic(self, *, experiment: str | None = None, since_us: int = 0) -> list[Traffic]:
        return traffic.by_variant(self._database, Page(since_us=since_us), experiment=experiment)

    def amounts(self, before: ServedBefore, metrics: Sequence[str]) -> list[AmountHistory]:
        return explained_amounts(self._database, before, metrics, now_us=_now_us())

    def create_key(self, name: str, options: KeyOptions) -> NewKey:
        made = keys.create(self._database, name, now_us=_now_us(), options=options)
        self._keys_changed("key.create", made.key_id)
        return made

    def list_keys(self) -> list[dict[str, Any]]:
        return self._rows(keys.listing())

    def revoke_key(self, key_id: str) -> None:
        keys.revoke(self._database, key_id, now_us=_now_us())
        self._keys_changed("key.revoke", key_id)

    def _knows_text(self, suite_digest: str, text_digest: str) -> bool:
        return suite_texts.find(self._database, suite_digest, text_digest) is not None

    def _keys_changed(self, action: str, key_id: str) -> None:
        """Publish the current plan with the new keys, for a gateway that runs without control."""
        self._record(action, key_id)
        path = self._database.layout.plan
        try:
            publish(path, replace(read(path), keys=keys.valid(self._database)))
        except PlanRefused:
            return

    def _record(self, action: str, subject: str) -> None:
        audit.record(self._database, now_us=_now_us(), actor=ACTOR, action=action, subject=subject)

    def _rows(self, query: Query) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = msgspec.to_builtins(self._database.dicts(query))
        return rows


def _now_us() -> int:
    return time.time_ns() // 1000
