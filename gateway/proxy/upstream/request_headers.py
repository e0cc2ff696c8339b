"""Which headers of a request go up to a model's server: the caller's own, without those that are between two hops."""

from __future__ import annotations

import re
from functools import lru_cache

from fairtrial.domain.errors import UpstreamError
from gateway.proxy.plan.routing_table import Endpoint
from gateway.proxy.wire.headers import Headers

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


PREFIXES = (
    "cf-", "helicone-", "langfuse", "langsmith-", "litellm-", "x-ai-eg-", "x-amz-", "x-amzn-", "x-apisix-", "x-bf-",
    "x-bt-", "x-data-parallel-", "x-dynamo-", "x-envoy-", "x-gateway-", "x-goog-", "x-kong-", "x-langfuse-",
    "x-litellm-", "x-llm-", "x-ms-", "x-portkey-", "x-prefiller-", "x-requesty-", "x-smg-", "x-tensorzero-", "x-tfy-",
    "x-vercel-", "x-vsr-", "tensorzero-", "databricks-", "x-databricks-", "fly-", "x-upstream-", "x-target-",
)  # fmt: skip
"""How the headers of gateways, meshes and routers begin, and those of the clouds that have one in front of models."""

CREDENTIAL = re.compile(
    r"(?:.*[-_])?(?:api[-_]?(?:key|base|token|secret)|apikey|(?:access|auth|bearer|csrf|id|session|security)[-_]?token"
    r"|secret(?:[-_]key)?|virtual[-_]key|password|credentials?|authorization|(?:base|target|proxy)[-_](?:url|uri|host)"
    r"|token)"
)
"""A whole name that carries a credential or an address, whoever's it is: ``anthropic-api-key``, ``x-api-base``."""

CLIENT_ADDRESSES = frozenset({"true-client-ip", "x-client-ip", "x-cluster-client-ip"})
"""Where a caller came from is not the upstream's business."""


def steers_a_gateway(name: str) -> bool:
    """Whether a header, by its lower-case name, is for another gateway."""
    return name.startswith(PREFIXES) or name in CLIENT_ADDRESSES or CREDENTIAL.fullmatch(name) is not None
