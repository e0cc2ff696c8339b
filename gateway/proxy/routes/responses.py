"""Serves requests about a stored response: each goes to the deployment that made it, by the map of ids."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterable

from fastapi import FastAPI, Request
from starlette.responses import Response

from fairtrial.domain.errors import BadRequest, NotFound
from fairtrial.journal.response_map import response_name
from gateway.proxy.http_server.request_reader import read_body
from gateway.proxy.plan.routing_table import Caller, Endpoint, Routing
from gateway.proxy.routes.forwarding import ForwardedResponse
from gateway.proxy.routes.passthrough import enter, upstream_request, with_query
from gateway.proxy.routing.continuation import route_continuation
from gateway.proxy.routing.resolve import resolve
from gateway.proxy.stages import Parsed, Received
from gateway.proxy.transport.transport import UpstreamRequest, UpstreamResponse
from gateway.proxy.upstream.request_rewrite import refuse_without_key, upstream_body, upstream_headers
from gateway.proxy.wire.request_body import parse_body, require_json
from gateway.proxy.worker_state import WorkerState

INPUT_TOKENS = "/responses/input_tokens"
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,256}")


def add_responses(app: FastAPI, worker: WorkerState) -> None:
    """The routes of a response that was made, and of the count of its tokens before."""

    @app.post("/v1" + INPUT_TOKENS)
    async def input_tokens(request: Request) -> Response:
        return await _count(worker, request)

    @app.get("/v1/responses/{response_id}")
    async def retrieve(response_id: str, request: Request) -> Response:
        return await _ask(worker, request, response_id)

    @app.delete("/v1/responses/{response_id}")
    async def delete(response_id: str, request: Request) -> Response:
        return await _ask(worker, request, response_id)

    @app.post("/v1/responses/{response_id}/cancel")
    async def cancel(response_id: str, request: Request) -> Response:
        return await _ask(worker, request, response_id, "/cancel")

    @app.get("/v1/responses/{response_id}/input_items")
    async def input_items(response_id: str, request: Request) -> Response:
        return await _ask(worker, request, response_id, "/input_items")


async def _ask(worker: WorkerState, request: Request, response_id: str, below: str = "") -> Response:
    routing, caller, headers = enter(worker, request)
    caller.require("complete")
    endpoint = _made_by(worker, routing, caller, response_id)
    refuse_without_key(endpoint)
    body = await read_body(request.scope["cycle"], worker.admission, limit=worker.max_body)
    sent = upstream_headers(headers, endpoint, request.scope["request_id"])
    path = with_query(f"/responses/{response_id}{below}", request.scope)
    worker.counters.passed += 1
    return _forwarded(worker, endpoint, upstream_request(endpoint, request.method, path, sent, body))


async def _count(worker: WorkerState, request: Request) -> Response:
    """Count with the arm that would serve, and with its overrides. A count is not an exposure, and is not recorded."""
    routing, caller, headers = enter(worker, request)
    caller.require("complete")
    require_json(headers)
    received = Received.now(INPUT_TOKENS, headers)
    parsed = Parsed(
        received,
        routing,
        caller,
        parse_body(await read_body(request.scope["cycle"], worker.admission, limit=worker.max_body)),
    )
    target = resolve(routing, caller, parsed.body, headers, received.request_id)
    arm = route_continuation(worker.response_map, parsed, target).arm
    if arm.endpoint.translated:
        raise BadRequest(
            f"{INPUT_TOKENS}: {arm.endpoint.name} is reached by translation, and has no Responses API",
            code="endpoint_not_served",
        )
    refuse_without_key(arm.endpoint)
    sent = upstream_headers(headers, arm.endpoint, request.scope["request_id"])
    body = upstream_body(parsed.body, arm, meter=False, responses=True)
    worker.counters.passed += 1
    return _forwarded(worker, arm.endpoint, upstream_request(arm.endpoint, "POST", INPUT_TOKENS, sent, body))


def _made_by(worker: WorkerState, routing: Routing, caller: Caller, ident: str) -> Endpoint:
    """The deployment that made it; one that another key or route made is not there for this key.

    A response that is not in the map is asked of the only deployment that could have made it, if there is but one.
    """
    if _ID.fullmatch(ident) is None or set(ident) <= {"."}:
        raise _unknown(ident)
    place = worker.response_map.find(response_name(ident), now_us=time.time_ns() // 1000)
    if place is None:
        names = {name for route in routing.plan.routes if caller.may_name(route) for name in routing.reachable[route]}
    else:
        names = {place.deployment} if caller.may_continue(place.route, place.owner) else set()
    endpoints = [endpoint for name in names if (endpoint := routing.endpoints.get(name)) and not endpoint.translated]
    if len(endpoints) != 1:
        raise _unknown(ident)
    return endpoints[0]


def _unknown(ident: str) -> NotFound:
    return NotFound(f"Response with id '{ident[:256]}' not found.")


def _forwarded(worker: WorkerState, endpoint: Endpoint, upstream: UpstreamRequest) -> ForwardedResponse:
    async def sending(_: AsyncIterable[bytes]) -> UpstreamResponse:
        return await worker.transport.send(upstream)

    return ForwardedResponse(endpoint, sending, uploaded=True)
