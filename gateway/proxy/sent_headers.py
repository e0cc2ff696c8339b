"""Which headers of a request go up to a model's server: the caller's own, without those that are between two hops."""

from __future__ import annotations

from functools import lru_cache

from fairtrial.domain.errors import UpstreamError
from gateway.proxy.headers import Headers
from gateway.proxy.routing import Endpoint

KEPT_HERE = frozenset(
    {
        "host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect", "content-length",
        "content-encoding", "accept-encoding", "authorization", "api-key", "x-api-key", "cookie", "proxy-authorization",
        "proxy-connection", "forwarded", "via", "x-real-ip", "x-request-id", "openai-organization", "openai-project",
        "origin", "referer", "x-original-url", "x-rewrite-url", "x-http-method-override",
    }
)  # fmt: skip
"""Those of the connection, those that authenticate or name who asks, those that we set, those that redirect servers."""

KEPT_HERE_PREFIXES = ("x-fairtrial-", "x-forwarded-", "sec-", "access-control-")


def sent_headers(asked: Headers, endpoint: Endpoint, request_id: str) -> Headers:
    """The headers for the upstream, with its own key; what ``Connection`` names stays here too."""
    sent = {name: value for name, value in asked.raw.items() if _goes_up(name)}
    connection = asked.raw.get("connection", b"keep-alive")
    if connection != b"keep-alive":
        for name in connection.decode("latin-1").lower().split(","):
            sent.pop(name.strip(), None)
    sent["accept-encoding"] = b"identity"
    sent["x-request-id"] = request_id.encode()
    if endpoint.authorization is not None:
        sent["authorization"] = endpoint.authorization
    return Headers(sent)


@lru_cache(maxsize=4096)
def _goes_up(name: str) -> bool:
    return name not in KEPT_HERE and not name.startswith(KEPT_HERE_PREFIXES)


def refuse_without_key(endpoint: Endpoint) -> None:
    """`UpstreamError` where the provider's key is not in the environment."""
    if endpoint.missing is not None:
        raise UpstreamError(
            f"{endpoint.name}: its API key needs the environment variable {endpoint.missing}, which is not set here",
            code="deployment_key_missing",
        )
