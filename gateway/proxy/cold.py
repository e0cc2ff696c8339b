"""The cold paths, on FastAPI: models, feedback, health, metrics, and OpenAI's envelope for whatever isn't there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from fairtrial.domain.errors import NotFound, RequestError, Unavailable
from fairtrial.domain.ids import ENTROPY_BYTES, uuid7
from gateway.proxy.errors import envelope, error_body, error_headers
from gateway.proxy.feedback import Accepted, feedback_event, read_feedback
from gateway.proxy.gateway import Gateway
from gateway.proxy.keys import Caller, authenticate
from gateway.proxy.metrics import exposition
from gateway.proxy.routing import Routing
from gateway.proxy.wire import header_map, read_body, require_json

MODELS_SINCE = 0
"""OpenAI's ``created`` of a model; when a route was made is not known to a worker."""


def cold_app(gateway: Gateway, hot: Iterable[str]) -> FastAPI:
    """The FastAPI application behind the hot path; ``hot``: paths that it only knows to refuse other methods."""
    app = FastAPI(title="fairtrial gateway", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    _health(app, gateway)
    _models(app, gateway)
    _feedback(app, gateway)
    _errors(app)
    for path in hot:
        app.add_api_route(path, _taken_before, methods=["POST"])
    return app


def _health(app: FastAPI, gateway: Gateway) -> None:
    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok", "worker": gateway.worker}

    @app.get("/readyz")
    async def readyz() -> dict[str, Any]:
        gateway.admission.refuse_if_leaving()
        routing = gateway.watch.current()
        return {"status": "ok", "plan_hash": routing.plan.plan_hash, "refused": gateway.watch.refusal is not None}

    @app.get("/metrics")
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(exposition(gateway), media_type="text/plain; version=0.0.4")


def _models(app: FastAPI, gateway: Gateway) -> None:
    @app.get("/v1/models")
    async def models(request: Request) -> dict[str, Any]:
        return {"object": "list", "data": [_model(name) for name in _visible(gateway, request)]}

    @app.get("/v1/models/{name:path}")
    async def model(name: str, request: Request) -> dict[str, Any]:
        names = _visible(gateway, request)
        if name not in names:
            message = f"model: {name!r} is not a route of this gateway (known: {', '.join(names) or 'none'})"
            raise NotFound(message, param="model", code="model_not_found")
        return _model(name)


def _visible(gateway: Gateway, request: Request) -> list[str]:
    routing, caller = _let_in(gateway, request)
    caller.require("complete")
    return sorted(filter(caller.may_name, routing.plan.routes))


def _feedback(app: FastAPI, gateway: Gateway) -> None:
    @app.post("/v1/feedback", status_code=202)
    async def feedback(request: Request) -> Accepted | list[Accepted]:
        routing, caller = _let_in(gateway, request)
        caller.require("feedback")
        require_json(header_map(request.scope))
        sent = read_feedback(await read_body(request.receive, limit=gateway.max_body))
        batch = sent if isinstance(sent, list) else [sent]
        events = [feedback_event(item, routing, caller) for item in batch]
        if not gateway.journal.append(*events):
            raise Unavailable("the feedback could not be written; send it again", code="not_recorded")
        gateway.counters.feedback += len(events)
        kept = routing.plan.capture != "none"
        accepted = [Accepted(feedback_id=event.feedback_id, text_recorded=kept) for event in events]
        return accepted if isinstance(sent, list) else accepted[0]


def _errors(app: FastAPI) -> None:
    @app.exception_handler(RequestError)
    async def ours(request: Request, error: RequestError) -> Response:
        headers = {name.decode(): value.decode() for name, value in error_headers(error, request.scope["request_id"])}
        return Response(error_body(error), status_code=error.status, headers=headers)

    @app.exception_handler(HTTPException)
    async def starlettes(request: Request, error: HTTPException) -> Response:
        what = {404: "there is no such path here", 405: f"{request.method} is not allowed on this path"}
        message = f"{request.url.path}: {what.get(error.status_code, error.detail)}"
        codes = {404: "path_not_found", 405: "method_not_allowed"}
        body = envelope(message, kind="invalid_request_error", code=codes.get(error.status_code, "invalid_request"))
        return Response(
            body, status_code=error.status_code, headers=dict(error.headers or {}), media_type="application/json"
        )

    @app.exception_handler(ValidationError)
    async def pydantics(_: Request, error: ValidationError) -> Response:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        body = envelope(f"{where}: {first['msg']}", kind="invalid_request_error", param=where, code="invalid_field")
        return Response(body, status_code=422, media_type="application/json")

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse(
            {"error": {"message": "the gateway failed", "type": "server_error", "param": None, "code": None}}, 500
        )


def _let_in(gateway: Gateway, request: Request) -> tuple[Routing, Caller]:
    routing = gateway.watch.current()
    return routing, authenticate(routing, header_map(request.scope), now_us=time.time_ns() // 1000)


async def _taken_before() -> None:
    raise NotFound("there is no such path here", code="path_not_found")


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": MODELS_SINCE, "owned_by": "fairtrial"}


def new_request_id() -> str:
    """A name for a cold request."""
    return uuid7(time.time_ns() // 1_000_000, os.urandom(ENTROPY_BYTES))
