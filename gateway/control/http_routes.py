"""Makes the HTTP routes of operations, and describes them in the terms of OpenAPI."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import partial
from typing import Any

import msgspec
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response

from fairtrial.api.operation import Operation, from_http, path_names
from fairtrial.domain.errors import BadRequest, Unavailable
from fairtrial.domain.limits.json_limits import MESSAGE, excess
from gateway.control.answer import ARROW, answer
from gateway.control.auth.authorization import AuthorizedRoute, owner_of, require_role
from gateway.control.context import Context

MAX_WAITING = 8
"""How many calls may wait for an operation that runs few at once."""

REFERENCE = "#/components/schemas/{name}"
Schema = dict[str, Any]


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
        response = await run_sync(run, limiter=_turn(operation, request) if operation.in_turn else None)
        return Response(response.content, operation.status, dict(response.headers), response.media_type)

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


def described(operation: Operation[Any, Any]) -> Schema:
    """The parameters and the body of an operation."""
    schema = _schemas([operation.request])[operation.request.__name__]
    fields, required = schema["properties"], schema.get("required", [])
    named = path_names(operation.path)
    fields = {name: _with_meaning(field) for name, field in fields.items()}
    description: Schema = {"parameters": list(_parameters(fields, required, named, in_query=not operation.has_body))}
    body = {name: field for name, field in fields.items() if name not in named}
    if operation.has_body and body:
        needed = [name for name in required if name in body]
        whole = {"type": "object", "properties": body, "additionalProperties": False} | (
            {"required": needed} if needed else {}
        )
        description["requestBody"] = {"content": {"application/json": {"schema": whole}}, "required": bool(needed)}
    return description


def components(every: Iterable[Operation[Any, Any]]) -> Schema:
    """The schemas that the operations refer to."""
    every = list(every)
    requests = {operation.request.__name__ for operation in every}
    schemas = _schemas([operation.request for operation in every])
    return {name: schema for name, schema in schemas.items() if name not in requests}


def _schemas(kinds: list[type]) -> Schema:
    return msgspec.json.schema_components(kinds, ref_template=REFERENCE)[1]


def _with_meaning(field: Schema) -> Schema:
    """The field with the description that one of its alternatives has."""
    meanings = [alternative["description"] for alternative in field.get("anyOf", ()) if "description" in alternative]
    return field | ({"description": meanings[0]} if meanings else {})


def _parameters(fields: Schema, required: list[str], named: tuple[str, ...], *, in_query: bool) -> Iterator[Schema]:
    for name, field in fields.items():
        place = "path" if name in named else "query" if in_query else None
        if place is not None:
            schema = {key: value for key, value in field.items() if key != "description"}
            meaning = {"description": field["description"]} if "description" in field else {}
            yield {"name": name, "in": place, "required": name in required, "schema": schema} | meaning
