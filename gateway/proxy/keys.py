"""Who is calling: the key's SHA-256 looked up and compared in constant time; expiry, rights and routes of a key."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from fairtrial.domain.errors import NotAllowed, NotAuthenticated, NotFound
from fairtrial.domain.plan import RIGHTS, Right
from gateway.proxy.routing import Routing

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller that was let in; ``key_id`` is ``None`` where the gateway is open. Empty ``routes`` means all."""

    key_id: str | None
    rights: frozenset[Right]
    routes: frozenset[str]

    def require(self, right: Right) -> None:
        """`NotAllowed` unless the caller has this right."""
        if right not in self.rights:
            raise NotAllowed(
                f"this key may not {_WORDS[right]} (its rights: {', '.join(sorted(self.rights)) or 'none'})",
                code="right_missing",
            )

    def may_name(self, route: str) -> bool:
        """Whether the caller may name this route."""
        return not self.routes or route in self.routes


_WORDS: dict[Right, str] = {
    "complete": "ask models",
    "feedback": "send feedback",
    "pin": "force a variant or a deployment",
    "see_variant": "see variants",
    "admin": "use the control plane",
}
ANYONE = Caller(key_id=None, rights=frozenset(RIGHTS), routes=frozenset())


def authenticate(routing: Routing, headers: Mapping[str, str], *, now_us: int) -> Caller:
    """The caller of a request; `NotAuthenticated` with one and the same message whatever was wrong."""
    if routing.published.auth == "open":
        _require_loopback_host(headers)
        return ANYONE
    authorization = headers.get("authorization", "")
    if authorization[: len(_BEARER)].lower() != _BEARER:
        raise _refused()
    digest = sha256(authorization[len(_BEARER) :].strip().encode("utf-8", "surrogateescape")).hexdigest()
    key = routing.keys.get(digest)
    if key is None or not hmac.compare_digest(key.sha256, digest):
        raise _refused()
    if key.expires_us is not None and key.expires_us <= now_us:
        raise _refused()
    return Caller(key_id=key.key_id, rights=frozenset(key.rights), routes=frozenset(key.routes))


def _refused() -> NotAuthenticated:
    return NotAuthenticated("the API key is missing or not valid here", code="invalid_api_key")


def _require_loopback_host(headers: Mapping[str, str]) -> None:
    """An open gateway answers to loopback names only, or any web page could reach it by rebinding a DNS name."""
    host = headers.get("host", "localhost")
    name = host[: host.rindex("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
    if name.lower() not in LOOPBACK_HOSTS:
        raise NotFound("host: this gateway is open, and then answers to loopback names only", code="host_not_allowed")
