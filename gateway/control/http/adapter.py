"""Makes HTTP routes of operations."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response

from fairtrial.api.encoding import from_http, path_names
from fairtrial.api.operation import Operation
from fairtrial.domain.errors import BadRequest, Unavailable
from fairtrial.domain.limits.json_limits import MESSAGE, excess
from gateway.control.answer import ARROW, answer
from gateway.control.auth.authorization import AuthorizedRoute, require_role
from gateway.control.auth.identity import owner_of
from gateway.control.context import Context
from gateway.control.http.openapi import described

MAX_WAITING = 8
"""How many calls may wait for an operation that runs few at once."""


def router_of(every: Iterable[Operation[Any, Any]]) -> APIRouter:
    """A router with one route for each operation. Literal paths win over parameters."""
    router = APIRouter()
    for operation in sorted(every, key=_precedence):
        router.add_api_route(
            operation.path,
            _endpoint(operation),
            methods=[operation.method],
            status_code=operation.status,
            tags=[operation.module.replace("_", " ")],
            dependencies=[Depends(require_role(operation.role))],
            openapi_extra=described(operation),
            route_class_override=AuthorizedRoute,
        )
    return router


def _precedence(operation: Operation[Any, Any]) -> tuple[tuple[bool, str], ...]:
    parts = operation.path.split("/")
    return tuple((bool(path_names(part)), part) for part in parts)


def _endpoint(operation: Operation[Any, Any]) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def endpoint(request: Request) -> Response:
        body = await _checked_body(request) if operation.has_body else b""
        read = from_http(operation, request.path_params, request.query_params.multi_items(), body)
        context = Context(owner_of(request), request.state.caller)
        arrow = ARROW in request.headers.get("accept", "")
        run = partial(answer, operation, context, read, arrow=arrow)
        found = await run_sync(run, limiter=_turn(operation, request) if operation.in_turn else None)
        return Response(found.content, operation.status, dict(found.headers), found.media_type)

    endpoint.__doc__ = operation.description
    return endpoint


async def _checked_body(request: Request) -> bytes:
    """The body, whose JSON is checked for size first, because decoding it blocks the event loop."""
    body = await request.body()
    exceeded = excess(body, MESSAGE)
    if exceeded is not None:
        raise BadRequest(f"{request.url.path}: the body has more than {exceeded}")
    return body


def _turn(operation: Operation[Any, Any], request: Request) -> CapacityLimiter:
    """Lets one call in at a time, and few wait, because such operations use much CPU time."""
    turns: dict[str, CapacityLimiter] = request.app.state.turns
    limiter = turns.setdefault(operation.in_turn, CapacityLimiter(1))
    if limiter.statistics().tasks_waiting >= MAX_WAITING:
        raise Unavailable(
            f"{operation.module}: {MAX_WAITING} calls are already waiting for their turn; try again later"
        )
    return limiter
