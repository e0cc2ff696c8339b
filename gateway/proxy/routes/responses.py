"""What is asked of a response that was made: each question goes to the deployment that made it, by the map of ids."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterable

from fastapi import FastAPI, Request
from starlette.responses import Response

from fairtrial.domain.errors import BadRequest, NotFound
from fairtrial.journal.response_map import response_name
from gateway.proxy.exchange import Exchange
from gateway.proxy.http_server.request_reader import read_body
from gateway.proxy.plan.caller import Caller
from gateway.proxy.plan.routing_table import Endpoint, Routing
from gateway.proxy.routes.forwarding import Forwarded
from gateway.proxy.routes.passthrough import enter, upstream_request
from gateway.proxy.routes.passthrough_paths import with_query
from gateway.proxy.routing.continuation import stay
from gateway.proxy.routing.resolve import resolve
from gateway.proxy.transport.transport import UpstreamAnswer, UpstreamRequest
from gateway.proxy.upstream.request_body import upstream_body
from gateway.proxy.upstream.request_headers import refuse_without_key, sent_headers
from gateway.proxy.wire.asgi import require_json
from gateway.proxy.wire.request_body import read_asked
from gateway.proxy.worker_state import Gateway

INPUT_TOKENS = "/responses/input_tokens"
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,256}")


def add_responses(app: FastAPI, gateway: Gateway) -> None:
    """The routes of a response that was made, and of the count of its tokens before."""

    @app.post("/v1" + INPUT_TOKENS)
    async def input_tokens(request: Request) -> Response:
        return await _count(gateway, request)

    @app.get("/v1/responses/{response_id}")
    async def retrieve(response_id: str, request: Request) -> Response:
        return await _ask(gateway, request, response_id)

    @app.delete("/v1/responses/{response_id}")
    async def delete(response_id: str, request: Request) -> Response:
        return await _ask(gateway, request, response_id)

    @app.post("/v1/responses/{response_id}/cancel")
    async def cancel(response_id: str, request: Request) -> Response:
        return await _ask(gateway, request, response_id, "/cancel")

    @app.get("/v1/responses/{response_id}/input_items")
    async def input_items(response_id: str, request: Request) -> Response:
        return await _ask(gateway, request, response_id, "/input_items")


async def _ask(gateway: Gateway, request: Request, response_id: str, below: str = "") -> Response:
    routing, caller, headers = enter(gateway, request)
    caller.require("complete")
    endpoint = _made_by(gateway, routing, caller, response_id)
    refuse_without_key(endpoint)
    body = await read_body(request.scope["turn"], gateway.admission, limit=gateway.max_body)
    sent = sent_headers(headers, endpoint, request.scope["request_id"])
    path = with_query(f"/responses/{response_id}{below}", request.scope)
    gateway.counters.passed += 1
    return _forwarded(gateway, endpoint, upstream_request(endpoint, request.method, path, sent, body))


async def _count(gateway: Gateway, request: Request) -> Response:
    """The arm that would serve counts, with its overrides; a count is no exposure, and is not recorded."""
    routing, caller, headers = enter(gateway, request)
    caller.require("complete")
    require_json(headers)
    exchange = Exchange.begin(INPUT_TOKENS, headers)
    exchange.routing, exchange.caller = routing, caller
    asked = exchange.asked = read_asked(
        await read_body(request.scope["turn"], gateway.admission, limit=gateway.max_body)
    )
    exchange.target = resolve(routing, caller, asked, headers, exchange.request_id)
    arm = stay(gateway, exchange).arm
    if arm.endpoint.translated:
        raise BadRequest(
            f"{INPUT_TOKENS}: {arm.endpoint.name} is reached by translation, and has no Responses API",
            code="endpoint_not_served",
        )
    refuse_without_key(arm.endpoint)
    sent = sent_headers(headers, arm.endpoint, request.scope["request_id"])
    body = upstream_body(asked, arm, meter=False, responses=True)
    gateway.counters.passed += 1
    return _forwarded(gateway, arm.endpoint, upstream_request(arm.endpoint, "POST", INPUT_TOKENS, sent, body))


def _made_by(gateway: Gateway, routing: Routing, caller: Caller, ident: str) -> Endpoint:
    """The deployment that made it; one that another key or route made is not there for this key.

    A response that is not in the map is asked of the only deployment that could have made it, if there is but one.
    """
    if _ID.fullmatch(ident) is None or set(ident) <= {"."}:
        raise _unknown(ident)
    place = gateway.places.find(response_name(ident), now_us=time.time_ns() // 1000)
    if place is None:
        names = {name for route in routing.plan.routes if caller.may_name(route) for name in routing.reachable[route]}
    else:
        names = {place.deployment} if caller.may_continue(place.route, place.owner) else set()
    found = [endpoint for name in names if (endpoint := routing.endpoints.get(name)) and not endpoint.translated]
    if len(found) != 1:
        raise _unknown(ident)
    return found[0]


def _unknown(ident: str) -> NotFound:
    return NotFound(f"Response with id '{ident[:256]}' not found.")


def _forwarded(gateway: Gateway, endpoint: Endpoint, upstream: UpstreamRequest) -> Forwarded:
    async def sending(_: AsyncIterable[bytes]) -> UpstreamAnswer:
        return await gateway.transport.send(upstream)

    return Forwarded(endpoint, sending, uploaded=True)
