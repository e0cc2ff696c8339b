"""Identifies the caller by an API key or, if the gateway is open, as a local program."""

import hmac
import time
from dataclasses import dataclass
from hashlib import sha256

from fairtrial.domain.errors import NotAuthenticated, NotFound
from gateway.proxy.admission.trusted_proxies import Sender, TrustedProxies
from gateway.proxy.plan.routing_table import ANYONE, GatewayCaller, Routing
from gateway.proxy.wire.http import Headers, Scope, header_map
from gateway.proxy.worker_state import WorkerState

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_BEARER = b"bearer "
REMEMBERED, LONGEST_REMEMBERED = 4096, 512
"""How many headers, of at most so many bytes, are cached: a key can be written with spaces around it."""


def authenticate(
    routing: Routing, headers: Headers, sender: Sender, *, proxies: TrustedProxies, now_us: int
) -> GatewayCaller:
    """The caller of a request; `NotAuthenticated` with the same message for every kind of wrong key.

    An open gateway serves this machine only: `NotFound` for a foreign host name, `NotAllowed` for a forwarded request.
    """
    if routing.published.auth == "open":
        _require_loopback_host(headers)
        proxies.require_local(headers, sender)
        return ANYONE
    authorization = headers.raw.get("authorization", b"")
    caller = routing.recognised.get(authorization) or _recognise(routing, authorization)
    key = caller.key
    if key is None or (key.expires_us is not None and key.expires_us <= now_us):
        raise _refused()
    return caller


def _recognise(routing: Routing, authorization: bytes) -> GatewayCaller:
    """The caller of a header, which is cached only if its key is valid."""
    if authorization[: len(_BEARER)].lower() != _BEARER:
        raise _refused()
    digest = sha256(authorization[len(_BEARER) :].strip()).hexdigest()
    caller = routing.keys.get(digest)
    if caller is None or caller.key is None or not hmac.compare_digest(caller.key.sha256, digest):
        raise _refused()
    if len(authorization) > LONGEST_REMEMBERED:
        return caller
    if len(routing.recognised) >= REMEMBERED:
        routing.recognised.clear()
    routing.recognised[authorization] = caller
    return caller


def _refused() -> NotAuthenticated:
    return NotAuthenticated("the API key is missing or not valid here", code="invalid_api_key")


def _require_loopback_host(headers: Headers) -> None:
    """Allow loopback names only. Otherwise any web page could reach an open gateway by DNS rebinding."""
    host = headers.text("host") or "localhost"
    name = host[: host.rindex("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
    if name.lower() not in LOOPBACK_HOSTS:
        raise NotFound("host: this gateway is open and accepts only loopback host names", code="host_not_allowed")


@dataclass(frozen=True, slots=True)
class _ScopeSender:
    """A `Sender` from an ASGI scope."""

    scope: Scope

    @property
    def version(self) -> str:
        return str(self.scope["http_version"])

    def peer(self) -> str | None:
        client = self.scope.get("client")
        return str(client[0]) if client else None


def caller_by_scope(worker: WorkerState, scope: Scope) -> tuple[Routing, GatewayCaller, Headers]:
    """The plan in force, the caller and the headers; raises as `authenticate` does."""
    routing, headers = worker.watch.current(), header_map(scope)
    now_us = time.time_ns() // 1000
    caller = authenticate(routing, headers, _ScopeSender(scope), proxies=worker.proxies, now_us=now_us)
    return routing, caller, headers
