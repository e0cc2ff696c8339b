"""Request parameters and response formats that the routers share: pages, JSON and Arrow."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
import pyarrow
from fastapi import Depends, Query, Request, Response

from fairtrial.store.core.database import Database
from fairtrial.store.core.query import END_OF_TIME_US, LARGEST_OFFSET, LARGEST_PAGE, Page, Position, microseconds
from fairtrial.store.core.query import Query as StoreQuery
from gateway.control.background.background_work import BackgroundWork
from gateway.control.operations.verdicts.present import Present
from gateway.control.operations.verdicts.release.verdict_rows import verdict_rows

ARROW = "application/vnd.apache.arrow.stream"
NEXT = "x-fairtrial-next"


def _background(request: Request) -> BackgroundWork:
    background: BackgroundWork = request.app.state.background
    return background


WEEK_US = 7 * 86_400_000_000
MINUTE_US = 60_000_000


def _page(
    since_us: Annotated[int, Query(ge=0, le=END_OF_TIME_US, description="from, in microseconds since 1970, UTC")] = 0,
    until_us: Annotated[int, Query(ge=0, le=END_OF_TIME_US, description="until (exclusive)")] = END_OF_TIME_US,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 100,
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET)] = 0,
) -> Page:
    return Page(since_us, until_us, limit, offset)


def _traffic_page(
    background: Annotated[BackgroundWork, Depends(_background)],
    since_us: Annotated[int | None, Query(ge=0, le=END_OF_TIME_US, description="from; 0 means all time")] = None,
    until_us: Annotated[int, Query(ge=0, le=END_OF_TIME_US, description="until (exclusive)")] = END_OF_TIME_US,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 100,
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET)] = 0,
) -> Page:
    """Traffic figures cover the last week, to the minute, unless the caller sets a start."""
    if since_us is None:
        since_us = max(0, (background.clock_us() - WEEK_US) // MINUTE_US * MINUTE_US)
    return Page(since_us, until_us, limit, offset)


def _position(
    after: Annotated[
        str | None, Query(max_length=200, pattern=r"^\d{1,16}:.+$", description="`next` of the previous page")
    ] = None,
) -> Position | None:
    if after is None:
        return None
    at_us, _, id_ = after.partition(":")
    return Position(min(int(at_us), END_OF_TIME_US), id_)


BackgroundDep = Annotated[BackgroundWork, Depends(_background)]
PageDep = Annotated[Page, Depends(_page)]
TrafficPageDep = Annotated[Page, Depends(_traffic_page)]
PositionDep = Annotated[Position | None, Depends(_position)]


def as_json(value: Any, *, status: int = 200) -> Response:
    """A value as JSON. Times end in Z; decimals are strings."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def as_table(request: Request, database: Database, query: StoreQuery) -> Response:
    """A listing as ``{"rows": […]}``, or as an Arrow stream if the `Accept` header names it."""
    if ARROW not in request.headers.get("accept", ""):
        return as_json({"rows": database.dicts(query)})
    return as_arrow(database.arrow(query))


def as_verdicts(request: Request, background: BackgroundWork, query: StoreQuery) -> Response:
    """A listing of verdicts as `as_table` has it; as JSON each row also has ``reads`` and ``stale``."""
    if ARROW in request.headers.get("accept", ""):
        return as_arrow(background.database.arrow(query))
    published = background.publisher.published
    time, gates = background.clock.now(), background.publisher.release_gates
    present = None if published is None else Present(published.plan, gates, time.now_us, held=time.held)
    return as_json({"rows": verdict_rows(background.database, query, present)})


def as_pages(request: Request, database: Database, query: StoreQuery, page: Page, id_name: str) -> Response:
    """A listing, newest first, with the start of the next page in ``next`` or, for Arrow, in `x-fairtrial-next`."""
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
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return Response(sink.getvalue().to_pybytes(), media_type=ARROW)
