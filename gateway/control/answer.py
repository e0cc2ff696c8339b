"""Runs an operation and encodes its answer. HTTP and commands without control answer alike."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fairtrial.api.operation import Operation, Request
from fairtrial.domain.errors import NotAllowed
from fairtrial.domain.limits.constants import microseconds
from fairtrial.domain.store_reports import OnProgress
from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Query
from gateway.control.context import Context

ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"
NEXT = "x-fairtrial-next"
"""The header with the position of the next page."""


@dataclass(frozen=True, slots=True)
class Answer:
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


def answer(operation: Operation[Any, Any], context: Context, request: Request, *, arrow: bool = False) -> Answer:
    """The answer of the operation; ``arrow``: a table of one query as an Arrow stream. Raises `FairtrialError`."""
    if operation.person and not context.caller.is_person:
        raise NotAllowed(f"{operation.module} need a signed-in person: sign in instead of using an API key")
    result = implementation(operation)(context, request)
    if operation.kind == "file":
        assert isinstance(result, Answer)
        return result
    if operation.kind == "table":
        return _table(context.database, result, arrow=arrow)
    if operation.kind == "job":
        result = context.owner.jobs.start(result.name, result.run)
    return Answer(msgspec.json.encode(result))


def implementation(operation: Operation[Any, Any]) -> Any:
    """The function that implements the operation, found by the operation's name."""
    return getattr(importlib.import_module(f"gateway.control.api.{operation.module}"), operation.function)


def _table(database: Database, result: Any, *, arrow: bool) -> Answer:
    table = Table(result) if isinstance(result, Query) else result
    if not isinstance(table, Table):
        return Answer(msgspec.json.encode({"rows": table}))
    if arrow:
        return _as_arrow(table, database.arrow(table.query))
    rows = database.dicts(table.query) if table.rows is None else table.rows()
    if not table.size:
        return Answer(msgspec.json.encode({"rows": rows}))
    last = rows[-1] if len(rows) == table.size else None
    return Answer(msgspec.json.encode({"rows": rows, "next": last and _after(table, last)}))


def _as_arrow(table: Table, rows: Any) -> Answer:
    is_full = table.size and len(rows) == table.size
    headers = {NEXT: _after(table, rows.slice(len(rows) - 1).to_pylist()[0])} if is_full else {}
    return Answer(arrow_stream(rows), ARROW, headers)


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
