"""Serves the API routes on FastAPI: models, feedback, health, metrics, and OpenAI's error envelope for all others."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from fairtrial.domain.errors import BadRequest, NotFound, RateLimited, RequestError, Unavailable
from gateway.metrics import MEDIA_TYPE
from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.http_server.request_reader import RequestPath, folded, read_body, shown
from gateway.proxy.plan.routing_table import GatewayCaller, Routing
from gateway.proxy.routes.feedback import (
    LONGEST_VOTE,
    MAX_BODY,
    Accepted,
    FeedbackBody,
    read_feedback,
    read_texts,
    read_vote,
    text_size,
)
from gateway.proxy.routes.metrics import is_losing, metrics_text
from gateway.proxy.routes.passthrough import METHODS, add_responses, enter, pass_on, unknown_url
from gateway.proxy.routing.authentication import caller_by_scope
from gateway.proxy.wire.http import header_map
from gateway.proxy.wire.json_bodies import require_json
from gateway.proxy.wire.openai_errors import envelope, error_body, error_headers
from gateway.proxy.worker_state import WorkerState

STORED_CHATS = "/v1/chat/completions"
"""Clients read and delete stored chats here by methods other than POST, if the passthrough deployment stores them."""

LOOKS = ["GET", "HEAD"]
"""The methods of read-only routes: HEAD is GET without the body (RFC 9110 §9.3.2)."""

SMALL = 2_000
"""Characters of feedback texts that are examined however much other work waits."""

MOST_VOTES, REMEMBERED_ANSWERS = 20, 10_000
"""How often an answer may get a vote, by one worker, which forgets the answers whose last vote is the oldest."""

VOTE, WIDGET = "/v1/feedback/vote", "/v1/feedback/vote.js"
API_METHODS = {"/v1/feedback": "POST", VOTE: "POST", "/v1/responses/input_tokens": "POST"}
"""API routes with the one method that they have."""


def api_app(worker: WorkerState, hot: Iterable[str]) -> FastAPI:
    """Make the FastAPI application. ``hot``: paths that it only knows to refuse other methods."""
    app = FastAPI(title="fairtrial gateway", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    _health(app, worker)
    _models(app, worker)
    _feedback(app, worker)
    _votes(app, worker)
    add_responses(app, worker)
    _errors(app)
    for path in hot:
        app.add_api_route(path, _taken_before, methods=["POST"])
    _others(app, worker, frozenset(hot))
    return app


def _health(app: FastAPI, worker: WorkerState) -> None:
    @app.api_route("/livez", methods=LOOKS)
    async def livez() -> dict[str, str]:
        return {"status": "ok", "worker": worker.name}

    @app.api_route("/readyz", methods=LOOKS)
    async def readyz() -> dict[str, Any]:
        worker.admission.refuse_if_leaving()
        routing = worker.watch.current()
        return {
            "status": "ok",
            "plan_hash": routing.plan.plan_hash,
            "plan": "refused" if worker.watch.is_refused() else "in_force",
            "recording": "losing" if is_losing(worker) else "ok",
        }

    @app.api_route("/metrics", methods=LOOKS)
    async def metrics() -> Response:
        return Response(metrics_text(worker), media_type=MEDIA_TYPE)


def _others(app: FastAPI, worker: WorkerState, hot: frozenset[str]) -> None:
    """Serve everything else under ``/v1``.

    A path that is served here by another method or spelling is not passed through.
    """

    ours = {folded(path) for path in (*hot, *API_METHODS)}

    @app.api_route("/v1/{path:path}", methods=list(METHODS))
    async def others(path: str, request: Request) -> Response:
        if f"/v1/{path}" not in ours and folded(f"/v1/{path}") in ours:
            enter(worker, request)
            raise unknown_url(request.scope)
        elsewhere = f"/v1/{path}" == STORED_CHATS and worker.settings.others is not None
        if (f"/v1/{path}" in hot or f"/v1/{path}" in API_METHODS) and not elsewhere:
            enter(worker, request)
            raise HTTPException(405, headers={"allow": API_METHODS.get(f"/v1/{path}", "POST")})
        return pass_on(worker, request)


def _models(app: FastAPI, worker: WorkerState) -> None:
    @app.api_route("/v1/models", methods=LOOKS)
    async def models(request: Request) -> dict[str, Any]:
        return {"object": "list", "data": [_model(worker, name) for name in _visible(worker, request)]}

    @app.api_route("/v1/models/{name:path}", methods=LOOKS)
    async def model(name: str, request: Request) -> dict[str, Any]:
        names = _visible(worker, request)
        if name not in names:
            message = f"model: {name!r} is not a route of this gateway (known: {', '.join(names) or 'none'})"
            raise NotFound(message, param="model", code="model_not_found")
        return _model(worker, name)


def _visible(worker: WorkerState, request: Request) -> list[str]:
    routing, caller = _let_in(worker, request)
    caller.require("complete")
    return sorted(filter(caller.may_name, routing.plan.routes))


def _feedback(app: FastAPI, worker: WorkerState) -> None:
    @app.post("/v1/feedback", status_code=202)
    async def feedback(request: Request) -> Accepted | list[Accepted]:
        routing, caller = _let_in(worker, request)
        caller.require("feedback")
        require_json(header_map(request.scope))
        limit = min(worker.max_body, MAX_BODY)
        sent = read_feedback(await read_body(request.scope["cycle"], worker.admission, limit=limit))
        batch = sent if isinstance(sent, list) else [sent]
        accepted = await _record(worker, routing, caller, batch)
        return accepted if isinstance(sent, list) else accepted[0]


def _votes(app: FastAPI, worker: WorkerState) -> None:
    widget, cast = Path(__file__).with_name("vote.js").read_bytes(), dict[str | None, int]()

    @app.api_route(WIDGET, methods=LOOKS)
    async def script() -> Response:
        return Response(widget, media_type="text/javascript", headers={"cache-control": "max-age=3600"})

    @app.post(VOTE, status_code=202)
    async def vote(request: Request) -> Accepted:
        """The token stands for the API key of the answer, which a page must not have."""
        if request.url.query:
            raise BadRequest("vote: send the token in the body, because addresses are written to logs")
        routing, headers, cycle = worker.watch.current(), header_map(request.scope), request.scope["cycle"]
        if routing.published.auth == "open":
            _let_in(worker, request)
        require_json(headers)
        item, caller = read_vote(await read_body(cycle, worker.admission, limit=LONGEST_VOTE), routing)
        worker.admission.claim(cycle, caller.key_id)
        cast[item.request_id] = number = cast.pop(item.request_id, 0) + 1
        if number > MOST_VOTES:
            raise RateLimited(f"vote: this answer has had {MOST_VOTES} votes", code="too_many_votes")
        if len(cast) > REMEMBERED_ANSWERS:
            del cast[next(iter(cast))]
        return (await _record(worker, routing, caller, [item]))[0]


async def _record(
    worker: WorkerState, routing: Routing, caller: GatewayCaller, batch: list[FeedbackBody]
) -> list[Accepted]:
    """Write the feedback to the journal; `Unavailable` if it can't be written, or if its texts must wait."""
    if worker.time_slicer.busy(caller.key_id) and text_size(batch) > SMALL:
        raise Unavailable("the texts of other feedback are being processed: retry later", code="feedback_busy")
    read = await worker.time_slicer.run(read_texts(batch, routing, caller), caller.key_id)
    if not worker.journal.append(*(feedback.event for feedback in read)):
        raise Unavailable("the feedback could not be written: retry later", code="not_recorded")
    worker.counters.feedback += len(read)
    records = routing.plan.capture != "none"
    worker.counters.left_out["feedback"] += records * sum(not feedback.whole for feedback in read)
    return [
        Accepted(feedback_id=feedback.event.feedback_id, text_recorded=records and feedback.whole) for feedback in read
    ]


def _errors(app: FastAPI) -> None:
    @app.exception_handler(RequestError)
    async def ours(request: Request, error: RequestError) -> Response:
        headers = {name.decode(): value.decode() for name, value in error_headers(error, request.scope["request_id"])}
        return Response(error_body(error), status_code=error.status, headers=headers)

    @app.exception_handler(HTTPException)
    async def starlettes(request: Request, error: HTTPException) -> Response:
        path = shown(request.scope["path"])
        what = {404: unknown_url(request.scope).message, 405: f"{path}: {request.method} is not allowed here"}
        message = what.get(error.status_code, f"{path}: {error.detail}")
        codes = {404: "unknown_url", 405: "method_not_allowed"}
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


def _let_in(worker: WorkerState, request: Request) -> tuple[Routing, GatewayCaller]:
    routing, caller, _ = caller_by_scope(worker, request.scope)
    worker.admission.claim(request.scope["cycle"], caller.key_id)
    return routing, caller


async def _taken_before() -> None:
    raise NotFound("Invalid URL", code="unknown_url")  # a request with POST never comes here


def _model(worker: WorkerState, name: str) -> dict[str, Any]:
    """A route as a model. It was created with the plan in force, and ends with the first deployment that shuts down."""
    plan = worker.watch.current().plan
    route = plan.routes[name]
    experiment = plan.experiments.get(route.experiment or "")
    names = [variant.deployment for variant in experiment.variants] if experiment else [str(route.deployment)]
    ends = [date for deployment in names if (date := plan.deployments[deployment].shutdown_date) is not None]
    known = {"id": name, "object": "model", "created": worker.watch.since, "owned_by": "fairtrial"}
    return known | {"shutdown_date": min(ends)} if ends else known


def scope_of(cycle: RequestCycle, path: RequestPath) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": cycle.version,
        "method": cycle.method.decode("ascii"),
        "scheme": "http",
        "path": path.path,
        "raw_path": path.raw,
        "root_path": "",
        "query_string": path.query,
        "headers": [(name.encode("latin-1"), value) for name, value in cycle.headers.raw.items()],
        "server": cycle.connection.address("sockname"),
        "client": cycle.connection.address("peername"),
        "state": {},
        "cycle": cycle,
    }
