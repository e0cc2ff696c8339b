"""Everything else under ``/v1`` (files, batches, audio, …): passed on to the one deployment that is named for it.

Files and the like are shared by all who may ask, so a key needs the right ``complete`` without a list of routes. What
changes models or an organisation needs ``admin``. Nothing of it is assigned, recorded or part of an experiment.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from fairtrial.domain.errors import NotAllowed
from gateway.proxy.plan.caller import Caller
from gateway.proxy.plan.routing_table import Endpoint, Routing
from gateway.proxy.routes.caller import caller_by_scope
from gateway.proxy.routes.forwarding import UPLOAD_LIMIT, Forwarded, too_large
from gateway.proxy.routes.passthrough_paths import leading_word, path_below, unknown_url, with_query
from gateway.proxy.routing.authentication import LOOPBACK_HOSTS
from gateway.proxy.transport.transport import UpstreamAnswer, UpstreamRequest
from gateway.proxy.upstream.request_headers import refuse_without_key, sent_headers
from gateway.proxy.wire.headers import Headers
from gateway.proxy.worker_state import Gateway

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ADMINS = frozenset({"models", "organization", "organizations", "load_lora_adapter", "unload_lora_adapter"})
"""First words of paths that change what everybody uses, at OpenAI or at servers such as vLLM.

A path that begins with one of them in another spelling does not exist.
"""

OURS = frozenset({"responses", "feedback"})
"""First words of paths that are served here or not at all: they have rules of their own."""


def enter(gateway: Gateway, request: Request) -> tuple[Routing, Caller, Headers]:
    """Who asks, and by what plan; an open gateway lets no page of another site in, whatever it sends."""
    routing, caller, headers = caller_by_scope(gateway, request.scope)
    if caller.key_id is None:
        _refuse_foreign_page(headers, gateway.settings.cors_origins)
    gateway.admission.claim(request.scope["turn"], caller.key_id)
    return routing, caller, headers


def pass_on(gateway: Gateway, request: Request) -> Response:
    """The answer of the deployment ``gateway.others`` to this request; OpenAI's 404 where there is none."""
    routing, caller, headers = enter(gateway, request)
    caller.require("complete")
    scope = request.scope
    path, name = path_below(scope), gateway.settings.others
    endpoint = routing.endpoints.get(name) if name is not None else None
    first, word = path.split("/")[1], leading_word(scope["path"].removeprefix("/v1"))
    if endpoint is None or endpoint.translated or word in OURS or (word in ADMINS and first != word):
        raise unknown_url(scope)
    if caller.routes:
        raise NotAllowed("this key may use its routes alone, and what is asked here is shared", code="path_not_allowed")
    if word in ADMINS:
        caller.require("admin")
    refuse_without_key(endpoint)
    length = headers.text("content-length") or "0"
    if length.isdigit() and int(length) > UPLOAD_LIMIT:
        raise too_large()
    sent = sent_headers(headers, endpoint, scope["request_id"])
    if "content-length" in headers:
        sent.raw["content-length"] = length.encode()
    bodiless = "transfer-encoding" not in headers and length == "0"
    upstream = upstream_request(endpoint, scope["method"], with_query(path, request.scope), sent)
    gateway.counters.passed += 1

    async def sending(pieces: AsyncIterable[bytes]) -> UpstreamAnswer:
        return await gateway.passing.transport.send(upstream, None if bodiless else pieces)

    return Forwarded(endpoint, sending, uploaded=bodiless)


def upstream_request(
    endpoint: Endpoint, method: str, path: str, headers: Headers, body: bytes = b""
) -> UpstreamRequest:
    """A request for a path below the deployment's address."""
    deployment = endpoint.deployment
    return UpstreamRequest(
        url=deployment.base_url.rstrip("/") + path,
        headers=headers,
        body=body,
        connect_seconds=deployment.timeouts.connect,
        method=method,
    )


def _refuse_foreign_page(headers: Headers, allowed: Sequence[str]) -> None:
    """A form of any web page may be posted to loopback without asking; browsers say whose page it was."""
    if headers.get("origin") in allowed:
        return
    origin, site = headers.get("origin"), headers.text("sec-fetch-site")
    host = urlsplit(origin).hostname if origin else None
    foreign = origin is not None and host not in {name.strip("[]") for name in LOOPBACK_HOSTS}
    if foreign or site == "cross-site":
        raise NotAllowed("origin: a page of another site may not use an open gateway", code="origin_not_allowed")
