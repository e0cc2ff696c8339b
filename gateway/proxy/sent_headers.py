"""Which headers of a request go up to a model's server: the caller's own, without those that are between two hops."""

from __future__ import annotations

from functools import lru_cache

from fairtrial.domain.errors import UpstreamError
from gateway.proxy.control_headers import steers_a_gateway
from gateway.proxy.headers import Headers
from gateway.proxy.routing import Endpoint

KEPT_HERE = frozenset(
    {
        "host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect", "content-length",
        "content-encoding", "accept-encoding", "authorization", "api-key", "x-api-key", "cookie", "proxy-authorization",
        "proxy-connection", "forwarded", "via", "x-real-ip", "x-request-id", "openai-organization", "openai-project",
        "origin", "referer", "x-original-url", "x-original-uri", "x-rewrite-url", "x-http-method-override",
        "x-http-method", "x-method-override",
    }
)  # fmt: skip
"""Those of the connection, those that authenticate or name who asks, those that we set, those that redirect servers."""

KEPT_HERE_PREFIXES = ("x-fairtrial-", "x-forwarded-", "sec-", "access-control-")


def sent_headers(asked: Headers, endpoint: Endpoint, request_id: str) -> Headers:
    """The headers for the upstream, with its own key; what ``Connection`` names stays here too.

    Headers for other gateways stay here unless the deployment lists them, see `control_headers`.
    """
    sent = {name: value for name, value in asked.raw.items() if _goes_up(name)}
    for name in endpoint.deployment.forward_headers:
        if name in asked.raw:
            sent[name] = asked.raw[name]
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
    return not (name in KEPT_HERE or name.startswith(KEPT_HERE_PREFIXES) or steers_a_gateway(name))


def refuse_without_key(endpoint: Endpoint) -> None:
    """`UpstreamError` where the provider's key is not in the environment."""
    if endpoint.missing is not None:
        raise UpstreamError(
            f"{endpoint.name}: its API key needs the environment variable {endpoint.missing}, which is not set here",
            code="deployment_key_missing",
        )
