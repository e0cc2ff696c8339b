"""How the API answers: values as JSON, tables as JSON or Arrow by what the caller accepts, pages by time."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pyarrow
from fastapi import Depends, Query, Request, Response

from fairtrial.store.database import Database
from fairtrial.store.query import END_OF_TIME_US, LARGEST_OFFSET, LARGEST_PAGE, Page
from fairtrial.store.query import Query as StoreQuery
from gateway.control.keeper import Keeper

ARROW = "application/vnd.apache.arrow.stream"


def _keeper(request: Request) -> Keeper:
    keeper: Keeper = request.app.state.keeper
    return keeper


def _page(
    since_us: Annotated[int, Query(ge=0, le=END_OF_TIME_US, description="from, microseconds since 1970, UTC")] = 0,
    until_us: Annotated[int, Query(ge=0, le=END_OF_TIME_US, description="until before")] = END_OF_TIME_US,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 100,
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET)] = 0,
) -> Page:
    return Page(since_us, until_us, limit, offset)


TheKeeper = Annotated[Keeper, Depends(_keeper)]
ThePage = Annotated[Page, Depends(_page)]


def as_json(value: Any, *, status: int = 200) -> Response:
    """A value of ours; times end in Z, decimals are text."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def as_table(request: Request, database: Database, query: StoreQuery) -> Response:
    """A listing: ``{"rows": […]}``, or an Arrow stream if the caller's `Accept` names it."""
    if ARROW not in request.headers.get("accept", ""):
        return as_json({"rows": database.dicts(query)})
    return as_arrow(database.arrow(query))


def as_arrow(table: pyarrow.Table) -> Response:
    """A table as an Arrow stream."""
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return Response(sink.getvalue().to_pybytes(), media_type=ARROW)
