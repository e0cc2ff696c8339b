"""Builds control's FastAPI application: one route for each operation, its OpenAPI description, and one error shape."""

import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from fairtrial.api.operation import Operation, from_http, operations, path_names
from fairtrial.domain.errors import BadRequest, FairtrialError, RequestError, StoreExhausted, Unavailable, UsageError
from fairtrial.domain.estimates import KINDS, Estimation
from fairtrial.domain.limits.json_limits import MESSAGE, excess
from fairtrial.store.access.passwords import AT_ONCE
from fairtrial.store.core.engine import EngineError, store_error
from gateway.control.auth import sign_in_pages
from gateway.control.auth.authorization import AuthorizedRoute, anyone, owner_of, require_role
from gateway.control.auth.sign_in import SignInThrottle
from gateway.control.context import ARROW, Context, Owner, answer
from gateway.control.metrics import Process, metrics_text
from gateway.metrics import MEDIA_TYPE

log = logging.getLogger("fairtrial.control")
MAX_WAITING = 8
"""How many calls may wait for an operation that runs few at once."""

REFERENCE = "#/components/schemas/{name}"
NEXT_PAGE = {"type": ["string", "null"], "description": "`after` of the request for the next page; null at the end"}
Schema = dict[str, Any]


def create_app(owner: Process, *, loopback: bool, public_origin: str = "") -> FastAPI:
    """The application over the owner of the store, which the caller starts and stops.

    ``loopback``: control listens on this machine only. It then accepts only host names of this machine and
    that of ``public_origin``, at which a proxy publishes it.
    """
    app = routed_app()
    app.state = state_of(owner, loopback=loopback, public_origin=public_origin)
    return app


def state_of(owner: Owner, *, loopback: bool, public_origin: str) -> State:
    """What the routes of one application share."""
    return State(
        {
            "owner": owner,
            "loopback": loopback,
            "public_origin": public_origin,
            "sign_in_throttle": SignInThrottle(),
            "password_threads": CapacityLimiter(AT_ONCE),
            "turns": {},
        }
    )


def routed_app() -> FastAPI:
    """An application with every route, but without the state that they need."""
    app = FastAPI(title="fairtrial control", docs_url=None, redoc_url=None, openapi_url=None)
    app.router.route_class = AuthorizedRoute
    map_errors(app)
    app.include_router(router_of(operations()), prefix="/api")
    app.include_router(sign_in_pages.router)
    app.include_router(sign_in_pages.one_time_router)
    _add_health(app)
    _add_openapi(app)
    return app


def _add_health(app: FastAPI) -> None:
    @app.get("/livez", dependencies=[Depends(anyone)])
    async def livez() -> Response:
        """Whether the process runs."""
        return Response("ok\n", media_type="text/plain")

    @app.get("/readyz", dependencies=[Depends(anyone)])
    async def readyz(request: Request) -> Response:
        """Whether a configuration is published. Also reports, without reasons, a refused one and a failing store."""
        owner = owner_of(request)
        ready = owner.publisher.published is not None
        state = {
            "status": "ok" if ready else "no plan yet",
            "plan": "refused" if owner.publisher.refused else "in_force" if ready else "missing",
            "store": "ok" if owner.health_error is None else "failing",
        }
        return JSONResponse(state, status_code=200 if ready else 503)

    @app.get("/metrics", dependencies=[Depends(anyone)])
    def metrics(request: Request) -> Response:
        """Metrics of control as Prometheus text, without names of experiments, units and people."""
        process: Process = request.app.state.owner
        return Response(metrics_text(process), media_type=MEDIA_TYPE)


def _add_openapi(app: FastAPI) -> None:
    @app.get("/api/openapi.json", dependencies=[Depends(require_role("release-manager"))])
    def openapi() -> dict[str, object]:
        """The OpenAPI description of this API."""
        return described_api(app)


def described_api(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the application."""
    document = app.openapi()
    document.setdefault("components", {}).setdefault("schemas", {}).update(components(operations()))
    return document


def map_errors(app: FastAPI) -> None:
    """Give every error the same shape: fairtrial's, FastAPI's, and unexpected exceptions."""
    app.add_exception_handler(FairtrialError, _domain_error)
    app.add_exception_handler(EngineError, _engine_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _client_disconnected)
    app.add_exception_handler(Exception, _unexpected_error)


async def _domain_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, RequestError):
        return _error_response(error.status, error.message, error.type)
    if isinstance(error, UsageError):
        return _error_response(400, str(error), "usage_error")
    log.error("%s %s: %s", request.method, request.url.path, error)
    return _error_response(503 if isinstance(error, StoreExhausted) else 500, str(error), "store_error")


async def _engine_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EngineError)
    return await _domain_error(request, store_error(error))


async def _validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
    return _error_response(400, problems, "invalid_request_error")


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _error_response(error.status_code, f"{request.url.path}: {error.detail}", "invalid_request_error")


async def _client_disconnected(_: Request, __: Exception) -> JSONResponse:
    """The client disconnected or its body timed out, so nobody reads this response."""
    return _error_response(408, "the request body did not arrive", "invalid_request_error")


async def _unexpected_error(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _error_response(500, "control failed with an unexpected error; see its log for details", "server_error")


def _error_response(status: int, message: str, type_: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": type_}}, status_code=status)


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
    """The parameters, the body and the answer of an operation."""
    schema = _schemas([operation.request])[1][operation.request.__name__]
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
    if operation.kind in ("value", "table"):
        answer = _schemas([operation.response])[0][0]
        following = {"next": NEXT_PAGE} if "after" in fields else {}
        rows = {"type": "object", "properties": {"rows": answer} | following, "required": ["rows"]}
        content = {"application/json": {"schema": rows if operation.kind == "table" else answer}}
        description["responses"] = {str(operation.status): {"content": content}}
    return description


def components(every: Iterable[Operation[Any, Any]]) -> Schema:
    """The schemas that the operations refer to."""
    every = list(every)
    requests = {operation.request.__name__ for operation in every}
    answers = [operation.response for operation in every if operation.kind in ("value", "table")]
    schemas = _schemas([*(operation.request for operation in every), *answers])[1]
    return {name: schema for name, schema in schemas.items() if name not in requests}


def _schemas(kinds: list[type]) -> tuple[Sequence[Schema], Schema]:
    every = [*kinds, *KINDS.values()]
    return msgspec.json.schema_components(every, schema_hook=_evidence, ref_template=REFERENCE)


def _evidence(base: type) -> Schema:
    """The schema of evidence, whose kinds are named, or of an estimation: msgspec knows neither."""
    kinds = {name: {"$ref": REFERENCE.format(name=kind.__name__)} for name, kind in KINDS.items()}
    if base is Estimation:
        return {"anyOf": [kinds["estimate"], kinds["not_enough"]]}
    named = {name: {"type": "object", "properties": {"is": {"const": name}}, "required": ["is"]} for name in kinds}
    return {"anyOf": [{"allOf": [kinds[name], named[name]]} for name in kinds]}


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
