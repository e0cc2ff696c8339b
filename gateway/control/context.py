"""Runs operations: declares what they need and who calls, and encodes their answers, alike for HTTP and commands."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from fairtrial.api.operation import Operation, Request, Window
from fairtrial.config.owner_lock import local_actor
from fairtrial.domain.accounts import LOCAL, Role
from fairtrial.domain.errors import NotAllowed
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.store_reports import IngestResult, OnProgress
from fairtrial.experiments.steady_time import StepTime
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, Query
from gateway.control.present import Present

if TYPE_CHECKING:
    from pathlib import Path

    from fairtrial.config.releases import ReleaseGates
    from fairtrial.domain.limits.alarm_settings import AlarmSettings
    from fairtrial.domain.plan import Plan
    from fairtrial.experiments.decision.waits import Wait
    from fairtrial.store.ingest.ingest import Ingester
    from gateway.control.experiments.split_checks import SplitCheckCache
    from gateway.control.maintain_store import JobRunner, StoreMaintenance
    from gateway.control.present import Publisher


KEY = "key:"
ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"
NEXT = "x-fairtrial-next"
"""The header with the position of the next page."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The person or program that sent a request. ``is_command``: a command of this machine's user.

    Such a command opens the store, or uses the key in a file that only this user can read.
    """

    account_id: str
    name: str
    role: Role
    is_command: bool = False

    @property
    def is_person(self) -> bool:
        """False for an API key, even if a person created it."""
        return not self.account_id.startswith(KEY)

    @property
    def author(self) -> str:
        """The caller as entries of the audit trail name it."""
        return COMMAND_LINE.name if self.is_command else self.name


COMMAND_LINE = Caller(f"{KEY}command line", "command line", "admin", is_command=True)
"""A command that opens the store."""

CONTROL = Caller(f"{KEY}control", "control", "admin")
"""Control itself."""


def actor_of(caller: Caller) -> str:
    """The caller as records name it: an account, a key's name, or the local user."""
    if caller.is_command or caller.account_id == LOCAL.account_id:
        return local_actor()
    return f"account {caller.name}" if caller.is_person else f"key {caller.name}"


class Clock(Protocol):
    """The time by which decisions wait."""

    def now(self) -> StepTime:
        """The time now."""

    def stamp_us(self) -> int:
        """The time with which a change is recorded."""


class Owner(Protocol):
    """The process that owns the store: control, or a command while control is stopped."""

    @property
    def database(self) -> Database:
        """The open store."""

    @property
    def publisher(self) -> Publisher:
        """Publishes the plan."""

    @property
    def clock(self) -> Clock:
        """The time by which decisions wait."""

    @property
    def ingester(self) -> Ingester:
        """Ingests the journal."""

    @property
    def maintenance(self) -> StoreMaintenance:
        """Backups, retention and erasure."""

    @property
    def jobs(self) -> JobRunner:
        """Runs long operations."""

    @property
    def split_checks(self) -> SplitCheckCache:
        """The latest checks of splits."""

    @property
    def addresses(self) -> Addresses:
        """Where control and the gateway answer."""

    @property
    def totals(self) -> IngestResult:
        """What was ingested since the start."""

    @property
    def health_error(self) -> str | None:
        """What fails at present."""

    def clock_us(self) -> int:
        """Microseconds since 1970, UTC."""

    def ingest_now(self) -> IngestResult:
        """Ingest everything in the journal; raises `StoreError`."""

    def publish_keys(self) -> None:
        """Have the gateway know the valid keys at once."""

    def read_files(self) -> None:
        """Read the project's files again if they have changed."""

    def plan_in_force(self) -> Plan:
        """The plan that the gateway follows; raises `Unavailable`."""

    def declaration(self) -> Declaration:
        """What the project's files declare now; raises `ConfigError` and `Unavailable`."""

    def alarm_settings(self) -> AlarmSettings:
        """Who gets the messages of alarms; raises `ConfigError` and `Unavailable`."""

    def waits(self, experiment: str) -> tuple[Wait, ...] | None:
        """What the decision on an experiment waits for, if a monitor has looked."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of control and gateway; ``None`` for one that does not run."""

    control_url: str | None = None
    gateway_url: str | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """The plan with the states of the store, the official gates, and the project's folder."""

    plan: Plan
    release_gates: ReleaseGates
    root: Path | None


@dataclass(frozen=True, slots=True)
class Context:
    """What an operation works with."""

    owner: Owner
    caller: Caller

    @property
    def database(self) -> Database:
        return self.owner.database

    @property
    def now_us(self) -> int:
        return self.owner.clock_us()

    @property
    def actor(self) -> str:
        """The caller as records name it."""
        return actor_of(self.caller)

    def present(self) -> Present:
        """What is true now, for the freshness of verdicts."""
        declared, time = self.owner.declaration(), self.owner.clock.now()
        return Present(declared.plan, declared.release_gates, time.now_us, held=time.held)


def page_of(request: Window) -> Page:
    """The window and page of a listing."""
    return Page(**{name: getattr(request, name) for name in Page.__struct_fields__})


@dataclass(frozen=True, slots=True)
class EncodedAnswer:
    """An encoded answer."""

    content: bytes
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one query. ``rows``: its rows for JSON, if they have more than its columns.

    ``size`` and ``id_name``: the size of a page, and the column that the position of the next one names.
    """

    query: Query
    rows: Callable[[], Any] | None = None
    size: int = 0
    id_name: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """A long operation that is not started yet; it receives where to report its progress."""

    name: str
    run: Callable[[OnProgress], Any]


def answer(operation: Operation[Any, Any], context: Context, request: Request, *, arrow: bool = False) -> EncodedAnswer:
    """The answer of the operation; ``arrow``: a table of one query as an Arrow stream. Raises `FairtrialError`."""
    if operation.person and not context.caller.is_person:
        raise NotAllowed(f"{operation.module} need a signed-in person: sign in instead of using an API key")
    result = implementation(operation)(context, request)
    if operation.kind == "file":
        assert isinstance(result, EncodedAnswer)
        return result
    if operation.kind == "table":
        return _table(context.database, result, arrow=arrow)
    if operation.kind == "job":
        result = context.owner.jobs.start(result.name, result.run)
    return EncodedAnswer(msgspec.json.encode(result))


def implementation(operation: Operation[Any, Any]) -> Any:
    """The function that implements the operation, found by the operation's name."""
    return getattr(importlib.import_module(f"gateway.control.operations.{operation.module}"), operation.function)


def _table(database: Database, result: Any, *, arrow: bool) -> EncodedAnswer:
    table = Table(result) if isinstance(result, Query) else result
    if not isinstance(table, Table):
        return EncodedAnswer(msgspec.json.encode({"rows": table}))
    if arrow:
        return _as_arrow(table, database.arrow(table.query))
    rows = database.dicts(table.query) if table.rows is None else table.rows()
    if not table.size:
        return EncodedAnswer(msgspec.json.encode({"rows": rows}))
    last = rows[-1] if len(rows) == table.size else None
    return EncodedAnswer(msgspec.json.encode({"rows": rows, "next": last and _after(table, last)}))


def _as_arrow(table: Table, rows: Any) -> EncodedAnswer:
    is_full = table.size and len(rows) == table.size
    headers = {NEXT: _after(table, rows.slice(len(rows) - 1).to_pylist()[0])} if is_full else {}
    return EncodedAnswer(arrow_stream(rows), ARROW, headers)


def _after(table: Table, row: Mapping[str, Any]) -> str:
    """The position of the page after this row."""
    return f"{microseconds(row['at_time'])}:{row[table.id_name]}"


def arrow_stream(table: Any) -> bytes:
    """The table as an Arrow stream."""
    import pyarrow  # slow to import, and few answers are Arrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content
