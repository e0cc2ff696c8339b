"""How the API answers: values as JSON, tables as JSON or Arrow by what the caller accepts, pages by time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
import pyarrow
from fastapi import Depends, Query, Request, Response

from fairtrial.store.core.database import Database
from fairtrial.store.core.query import END_OF_TIME_US, LARGEST_OFFSET, LARGEST_PAGE, Page, Position, microseconds
from fairtrial.store.core.query import Query as StoreQuery
from gateway.control.background.background_work import Keeper

ARROW = "application/vnd.apache.arrow.stream"
NEXT = "x-fairtrial-next"


def _keeper(request: Request) -> Keeper:
    keeper: Keeper = request.app.state.keeper
    return keeper


WEEK_US = 7 * 86_400_000_000
MINUTE_US = 60_000_000


def _page(
    since_us: Annotated[int, Query(ge=0, le=END_OF_TIME_US, description="from, microseconds since 1970, UTC")] = 0,
    until_us: Annotated[int, Query(ge=0, le=END_OF_TIME_US, description="until before")] = END_OF_TIME_US,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 100,
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET)] = 0,
) -> Page:
    return Page(since_us, until_us, limit, offset)


def _traffic_page(
    keeper: Annotated[Keeper, Depends(_keeper)],
    since_us: Annotated[int | None, Query(ge=0, le=END_OF_TIME_US, description="from; 0 is all time")] = None,
    until_us: Annotated[int, Query(ge=0, le=END_OF_TIME_US, description="until before")] = END_OF_TIME_US,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 100,
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET)] = 0,
) -> Page:
    """Figures of traffic are those of the last week, to the minute, unless the caller says from when on."""
    if since_us is None:
        since_us = max(0, (keeper.clock_us() - WEEK_US) // MINUTE_US * MINUTE_US)
    return Page(since_us, until_us, limit, offset)


def _position(
    after: Annotated[
        str | None, Query(max_length=200, pattern=r"^\d{1,16}:.+$", description="the `next` of the page before")
    ] = None,
) -> Position | None:
    if after is None:
        return None
    at_us, _, id_ = after.partition(":")
    return Position(min(int(at_us), END_OF_TIME_US), id_)


TheKeeper = Annotated[Keeper, Depends(_keeper)]
ThePage = Annotated[Page, Depends(_page)]
TheTrafficPage = Annotated[Page, Depends(_traffic_page)]
ThePosition = Annotated[Position | None, Depends(_position)]


def as_json(value: Any, *, status: int = 200) -> Response:
    """A value of ours; times end in Z, decimals are text."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def as_table(request: Request, database: Database, query: StoreQuery) -> Response:
    """A listing: ``{"rows": […]}``, or an Arrow stream if the caller's `Accept` names it."""
    if ARROW not in request.headers.get("accept", ""):
        return as_json({"rows": database.dicts(query)})
    return as_arrow(database.arrow(query))


def as_pages(request: Request, database: Database, query: StoreQuery, page: Page, id_name: str) -> Response:
    """The same, newest first, with where the next page goes on: ``next``, in Arrow the header `x-fairtrial-next`."""
    if ARROW not in request.headers.get("accept", ""):
        rows = database.dicts(query)
        last = rows[-1] if len(rows) == page.rows else None
        return as_json({"rows": rows, "next": _after(last["at_time"], last[id_name]) if last else None})
    table = database.arrow(query)
    answer = as_arrow(table)
    if len(table) == page.rows:
        end = table.slice(len(table) - 1).to_pylist()[0]
        answer.headers[NEXT] = _after(end["at_time"], end[id_name])
    return answer


def _after(at_time: datetime, id_: str) -> str:
    return f"{microseconds(at_time)}:{id_}"


def as_arrow(table: pyarrow.Table) -> Response:
    """A table as an Arrow stream."""
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return Response(sink.getvalue().to_pybytes(), media_type=ARROW)
