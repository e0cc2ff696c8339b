"""Passes everything else under ``/v1`` (files, batches, audio, …) through to the one deployment named for it.

Files and the like are shared by all callers, so a key needs the right ``complete`` without a list of routes. Requests
that change models or an organisation need ``admin``. None of them is assigned, recorded or part of an experiment.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from fairtrial.domain.errors import NotAllowed, NotFound
from gateway.proxy.http_server.request_path import folded, shown
from gateway.proxy.plan.routing_table import Caller, Endpoint, Routing
from gateway.proxy.routes.forwarding import UPLOAD_LIMIT, ForwardedResponse, too_large
from gateway.proxy.routing.authentication import LOOPBACK_HOSTS, caller_by_scope
from gateway.proxy.transport.transport import UpstreamRequest, UpstreamResponse
from gateway.proxy.upstream.request_rewrite import refuse_without_key, upstream_headers
from gateway.proxy.wire.headers import Headers
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


def enter(worker: WorkerState, request: Request) -> tuple[Routing, Caller, Headers]:
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
    first, word = path.split("/")[1], leading_word(scope["path"].removeprefix("/v1"))
    if endpoint is None or endpoint.translated or word in OURS or (word in ADMINS and first != word):
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
    sent = upstream_headers(headers, endpoint, scope["request_id"])
    if "content-length" in headers:
        sent.raw["content-length"] = length.encode()
    bodiless = "transfer-encoding" not in headers and length == "0"
    upstream = upstream_request(endpoint, scope["method"], with_query(path, request.scope), sent)
    worker.counters.passed += 1

    async def sending(pieces: AsyncIterable[bytes]) -> UpstreamResponse:
        return await worker.passthrough.transport.send(upstream, None if bodiless else pieces)

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
