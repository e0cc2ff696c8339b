"""Passes requests under ``/v1`` through: those about a stored response to its deployment, others to the one named."""

import re
import time
from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from fairtrial.domain.errors import BadRequest, NotAllowed, NotFound
from fairtrial.journal.response_map import response_name
from gateway.proxy.http_server.request_reader import folded, read_body, shown
from gateway.proxy.plan.routing_table import Endpoint, GatewayCaller, Routing
from gateway.proxy.routes.forwarding import UPLOAD_LIMIT, ForwardedResponse, too_large
from gateway.proxy.routing.authentication import LOOPBACK_HOSTS, caller_by_scope
from gateway.proxy.routing.continuation import route_continuation
from gateway.proxy.routing.resolve import resolve
from gateway.proxy.stages import Parsed, Received
from gateway.proxy.transport.transport import UpstreamRequest, UpstreamResponse
from gateway.proxy.upstream.request_rewrite import refuse_without_key, upstream_body, upstream_headers
from gateway.proxy.wire.http import Headers
from gateway.proxy.wire.json_bodies import parse_body, require_json
from gateway.proxy.worker_state import WorkerState

PREFIX = "/v1/"
ENDPOINTS = ("/completions", "/responses", "/embeddings", "/models", "/feedback")
"""The ends of paths that clients append to their `base_url`; chat completions have the first one too."""

TWICE = ("/v1/v1/", "/v1/chat/completions/")
"""The beginning of a path behind a `base_url` that is too long."""

_WORD = re.compile(r"[a-z0-9_-]*")
_SEPARATORS = frozenset("?#")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ADMINS = frozenset({"models", "organization", "organizations", "load_lora_adapter", "unload_lora_adapter"})
"""First words of paths that change something for everybody, at OpenAI or at servers such as vLLM.

A path that begins with one of them in another spelling does not exist.
"""

OURS = frozenset({"responses", "feedback"})
"""First words of paths that are served here or not at all, because they have their own rules."""

INPUT_TOKENS = "/responses/input_tokens"
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,256}")


def path_below(scope: Mapping[str, Any]) -> str:
    """The path below ``/v1`` in its one spelling; `NotFound` unless it consists of plain segments."""
    path: str = scope["path"]
    raw: bytes = scope["raw_path"]
    segments = path.removeprefix(PREFIX).split("/")
    if not path.startswith(PREFIX) or not all(map(_is_plain, segments)):
        raise unknown_url(scope)
    return "/" + raw.decode("ascii").removeprefix(PREFIX)


def leading_word(path: str) -> str:
    """The word that the first segment of a path begins with, in lower case: ``models`` of ``Models:all``."""
    word = _WORD.match(folded(path.split("/")[1]))
    return word[0] if word else ""


def unknown_url(scope: Mapping[str, Any]) -> NotFound:
    """OpenAI's error for a path that does not exist, with a hint if the client's `base_url` is wrong.

    The hint names no host, because errors reveal nothing of where the gateway runs.
    """
    message = f"Invalid URL ({scope['method']} {shown(scope['path'])})"
    return NotFound(message + _base_url_hint(scope), code="unknown_url")


def _base_url_hint(scope: Mapping[str, Any]) -> str:
    """The hint for a `base_url` that lacks ``/v1``, has it twice, or continues behind it."""
    path = scope["path"].rstrip("/")
    below = next((end for end in ENDPOINTS if path.endswith(end)), None)
    if path.startswith(PREFIX):
        below = below if path.startswith(TWICE) else None
    if below is None and path not in ("", "/v1"):
        return ""
    return ". The base_url of this gateway is its address with /v1 behind it"


def with_query(path: str, scope: Mapping[str, Any]) -> str:
    """A path with the request's query."""
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _is_plain(segment: str) -> bool:
    """Whether a segment has only one meaning: not a folder of another name, and not a query."""
    return segment != "" and segment.strip(".") == segment and _SEPARATORS.isdisjoint(segment)


def enter(worker: WorkerState, request: Request) -> tuple[Routing, GatewayCaller, Headers]:
    """Authenticate a request and claim its place. An open gateway refuses pages of other sites."""
    routing, caller, headers = caller_by_scope(worker, request.scope)
    if caller.key_id is None:
        _refuse_foreign_page(headers, worker.settings.cors_origins)
    worker.admission.claim(request.scope["cycle"], caller.key_id)
    return routing, caller, headers


def pass_on(worker: WorkerState, request: Request) -> Response:
    """The response of the deployment ``gateway.others``, or OpenAI's 404 if there is none."""
    routing, caller, headers = enter(worker, request)
    caller.require("complete")
    scope = request.scope
    path, name = path_below(scope), worker.settings.others
    endpoint = routing.endpoints.get(name) if name is not None else None
    transport = worker.passthrough
    first, word = path.split("/")[1], leading_word(scope["path"].removeprefix("/v1"))
    if (
        endpoint is None
        or transport is None
        or endpoint.translated
        or word in OURS
        or (word in ADMINS and first != word)
    ):
        raise unknown_url(scope)
    if caller.routes:
        raise NotAllowed(
            "this key may use only its routes, and this path is shared by all keys", code="path_not_allowed"
        )
    if word in ADMINS:
        caller.require("admin")
    refuse_without_key(endpoint)
    length = headers.text("content-length") or "0"
    if length.isdigit() and int(length) > UPLOAD_LIMIT:
        raise too_large()
    sent = upstream_headers(headers, endpoint, scope["request_id"], unit_headers=routing.published.unit_headers)
    if "content-length" in headers:
        sent.raw["content-length"] = length.encode()
    bodiless = "transfer-encoding" not in headers and length == "0"
    upstream = upstream_request(endpoint, scope["method"], with_query(path, request.scope), sent)
    worker.counters.passed += 1

    async def sending(pieces: AsyncIterable[bytes]) -> UpstreamResponse:
        return await transport.send(upstream, None if bodiless else pieces)

    return ForwardedResponse(endpoint, sending, uploaded=bodiless)


def upstream_request(
    endpoint: Endpoint, method: str, path: str, headers: Headers, body: bytes = b""
) -> UpstreamRequest:
    """A request for a path below the deployment's address."""
    deployment = endpoint.deployment
    return UpstreamRequest(
        url=endpoint.url + path,
        headers=headers,
        body=body,
        connect_seconds=deployment.timeouts.connect,
        method=method,
    )


def _refuse_foreign_page(headers: Headers, allowed: Sequence[str]) -> None:
    """Refuse forms of foreign web pages: a browser posts them to loopback without asking, but names their origin."""
    if headers.get("origin") in allowed:
        return
    origin, site = headers.get("origin"), headers.text("sec-fetch-site")
    host = urlsplit(origin).hostname if origin else None
    foreign = origin is not None and host not in {name.strip("[]") for name in LOOPBACK_HOSTS}
    if foreign or site == "cross-site":
        raise NotAllowed("origin: a page of another site may not use an open gateway", code="origin_not_allowed")


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
    sent = upstream_headers(headers, endpoint, request.scope["request_id"], unit_headers=routing.published.unit_headers)
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
    sent = upstream_headers(
        headers, arm.endpoint, request.scope["request_id"], unit_headers=routing.published.unit_headers
    )
    body = upstream_body(parsed.body, arm, meter=False, responses=True)
    worker.counters.passed += 1
    return _forwarded(worker, arm.endpoint, upstream_request(arm.endpoint, "POST", INPUT_TOKENS, sent, body))


def _made_by(worker: WorkerState, routing: Routing, caller: GatewayCaller, ident: str) -> Endpoint:
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
