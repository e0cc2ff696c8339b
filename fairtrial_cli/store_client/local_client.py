"""Calls operations in this process, which owns the store for one command because no control process runs."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fairtrial.api.operation import Operation, Q, R, from_http, read_answer, to_http
from fairtrial.config.layout import Layout
from fairtrial.config.plan.live_state import lay_over, standing_kills
from fairtrial.config.plan.published import publish, read
from fairtrial.config.project import Project, load_project
from fairtrial.domain.errors import ConfigError, Diagnostic, PlanRefused, RequestError, StoreError, UsageError
from fairtrial.domain.limits.alarm_settings import AlarmSettings
from fairtrial.domain.limits.constants import FIRST_SERVER_ERROR
from fairtrial.domain.plan import Plan
from fairtrial.domain.store_reports import IngestResult, OnProgress, ignore_progress
from fairtrial.store.access import credentials
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import transitions
from fairtrial.store.ingest.ingest import Ingester
from gateway.control.auth.bootstrap import INTERNAL, ensure_key
from gateway.control.background.plan_publisher import PlanPublisher
from gateway.control.background.trusted_clock import TrustedClock, read_clocks
from gateway.control.context import COMMAND_LINE, Addresses, Context, Declaration, Work, answer, implementation
from gateway.control.experiments.record_alarms import notice_older_store
from gateway.control.experiments.states import record_kill_files

if TYPE_CHECKING:
    from fairtrial.experiments.decision.waits import Wait
    from gateway.control.experiments.split_checks import SplitCheckCache
    from gateway.control.maintain_store import JobRunner, StoreMaintenance


PRIVATE_UMASK = 0o077
PROBE_SECONDS = 1.0


class LocalOwner:
    """The owner of the store in a command; raises `StoreLocked` if another process holds it.

    ``config``: the project file, for what is declared now. While the store is open, the umask makes all new files
    private, because DuckDB sets no permissions on its log.
    """

    health_error: str | None = None

    def __init__(self, layout: Layout, config: Path | None = None) -> None:
        self._config = config
        with ExitStack() as undo:
            undo.callback(os.umask, os.umask(PRIVATE_UMASK))
            self.database = Database.open(layout)
            undo.callback(self.database.close)
            notice_older_store(self.database, now_us=self.clock_us())
            self.ingester = Ingester(self.database, self.clock_us)
            self.totals = self.ingester.catch_up()
            self._record_kill_files()
            self._undo = undo.pop_all()

    def close(self) -> None:
        self._undo.close()

    def clock_us(self) -> int:
        return time.time_ns() // 1000

    @cached_property
    def clock(self) -> TrustedClock:
        return TrustedClock(self.database, read_clocks)

    @cached_property
    def publisher(self) -> PlanPublisher:
        config = self._config or self.database.layout.store.with_name("fairtrial.yaml")
        return PlanPublisher(self.database, config, self._load, clock_us=lambda: self.clock.stamp_us())

    @cached_property
    def maintenance(self) -> StoreMaintenance:
        from gateway.control.maintain_store import StoreMaintenance

        return StoreMaintenance(self.database, self.ingester, self.clock_us, actor=COMMAND_LINE.name)

    @cached_property
    def jobs(self) -> JobRunner:
        from gateway.control.maintain_store import JobRunner

        return JobRunner()

    @cached_property
    def split_checks(self) -> SplitCheckCache:
        from gateway.control.experiments.split_checks import SplitCheckCache

        return SplitCheckCache()

    @cached_property
    def addresses(self) -> Addresses:
        """No control runs, but a gateway may."""
        try:
            address = self._load().gateway.address
        except (ConfigError, OSError):
            return Addresses()
        return Addresses(None, address.url if _answers(address.host, address.port) else None)

    def ingest_now(self) -> IngestResult:
        return self.ingester.catch_up()

    def publish_keys(self) -> None:
        """Publish the current plan with the valid keys, for a gateway that runs without control."""
        path = self.database.layout.plan
        try:
            publish(path, replace(read(path), keys=credentials.valid_keys(self.database)))
        except PlanRefused:
            return

    def publish_plan(self) -> None:
        """Publish the file's plan with the states and keys of the store; raises `PlanRefused` and `ConfigError`."""
        ensure_key(self.database, INTERNAL, now_us=self.clock_us())
        self.publisher.refresh(keys_changed=True)

    def read_files(self) -> None:
        """Nothing to do: `declaration` reads them."""

    def plan_in_force(self) -> Plan:
        """The published plan, or that of the file if none is published yet, with the state of the rows."""
        published = self.publisher.published
        if published is None:
            self.publisher.settle_declared(self._load().plan)
        plan = self._load().plan if published is None else published.plan
        return lay_over(plan, transitions.live(self.database))

    def declaration(self) -> Declaration:
        """What the project's files say; raises `ConfigError`."""
        project = self._load()
        plan = lay_over(project.plan, transitions.live(self.database))
        return Declaration(plan, project.release_gates, project.root)

    def alarm_settings(self) -> AlarmSettings:
        return self._load().alarms

    def waits(self, _: str) -> tuple[Wait, ...] | None:
        """Unknown, because no monitor runs."""
        return None

    def _record_kill_files(self) -> None:
        """Record the kills that files brought to the workers, so that every answer of the store contains them."""
        if self._config is None or not standing_kills(self.database.layout.folder):
            return
        try:
            record_kill_files(self.database, self.publisher, now_us=self.clock.stamp_us())
        except Exception:  # noqa: BLE001 - the file stays, workers obey it, and control tries again
            return

    def _load(self) -> Project:
        if self._config is None:
            raise ConfigError([Diagnostic("", 0, "", "no project file was named")])
        return load_project(self._config, os.environ)


def _answers(host: str, port: int) -> bool:
    """Whether a process listens there."""
    try:
        socket.create_connection((host, port), PROBE_SECONDS).close()
    except OSError:
        return False
    return True


class LocalClient:
    """A `StoreClient` on the store that this process owns.

    Requests and answers are encoded and decoded as over HTTP, so that constraints, types and errors are the same.
    """

    def __init__(self, owner: LocalOwner) -> None:
        self.owner = owner
        self._context = Context(self.owner, COMMAND_LINE)

    def __enter__(self) -> LocalClient:
        return self

    @property
    def layout(self) -> Layout:
        return self.owner.database.layout

    def __exit__(self, *_: object) -> None:
        self.owner.close()

    def call(self, operation: Operation[Q, R], request: Q) -> R:
        try:
            return read_answer(operation, answer(operation, self._context, _received(operation, request)).content)
        except RequestError as error:
            raise _refusal(error) from error

    def follow(self, operation: Operation[Q, R], request: Q, on_progress: OnProgress = ignore_progress) -> R:
        try:
            work: Work = implementation(operation)(self._context, _received(operation, request))
            result = work.run(on_progress)
        except RequestError as error:
            raise _refusal(error) from error
        return msgspec.json.decode(msgspec.json.encode(result), type=operation.response)

    def publish_plan(self) -> None:
        self.owner.publish_plan()


def _received(operation: Operation[Q, R], request: Q) -> Q:
    """The request as HTTP would deliver it."""
    sent = to_http(operation, request)
    return from_http(operation, sent.named, sent.query, sent.body)


def _refusal(error: RequestError) -> UsageError | StoreError:
    return UsageError(error.message) if error.status < FIRST_SERVER_ERROR else StoreError(error.message)
