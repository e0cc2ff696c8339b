"""Which headers of a request go up to a model's server: the caller's own, without those that are between two hops."""

from __future__ import annotations

from collections.abc import Mapping

from fairtrial.domain.errors import UpstreamError
from gateway.proxy.routing import Endpoint

_KEPT_HERE = frozenset(
    {
        "host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect", "content-length",
        "content-encoding", "accept-encoding", "authorization", "api-key", "x-api-key", "cookie", "proxy-authorization",
        "proxy-connection", "forwarded", "via", "x-real-ip", "x-request-id", "openai-organization", "openai-project",
        "origin", "referer", "x-original-url", "x-rewrite-url", "x-http-method-override",
    }
)  # fmt: skip
"""Those of the connection, those that authenticate or name who asks, those that we set, those that redirect servers."""

_OUR_PREFIXES = ("x-fairtrial-", "x-forwarded-", "sec-", "access-control-")


def sent_headers(asked: Mapping[str, str], endpoint: Endpoint, request_id: str) -> dict[str, str]:
    """The headers for the upstream, with its own key; what ``Connection`` names stays here too."""
    connection = asked.get("connection", "keep-alive")
    named = () if connection == "keep-alive" else {name.strip() for name in connection.lower().split(",")}
    headers = {
        name: value
        for name, value in asked.items()
        if name not in _KEPT_HERE and name not in named and not name.startswith(_OUR_PREFIXES)
    }
    headers["accept-encoding"] = "identity"
    headers["x-request-id"] = request_id
    if endpoint.api_key is not None:
        headers["authorization"] = f"Bearer {endpoint.api_key}"
    return headers


def refuse_without_key(endpoint: Endpoint) -> None:
    """`UpstreamError` where the provider's key is not in the environment."""
    if endpoint.missing is not None:
        raise UpstreamError(
            f"{endpoint.name}: its API key needs the environment variable {endpoint.missing}, which is not set here",
            code="deployment_key_missing",
        )
