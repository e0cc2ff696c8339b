"""Headers that steer another gateway or authenticate there: callers' ones stay here unless a deployment lists them.

A server behind this gateway may be a gateway as well. A caller could choose its provider, its address or its key by
such a header, past the routes, the split and the price that the configuration gives. What is listed here is what the
common gateways read, and the general forms of a name that carries a credential or an address.
"""

from __future__ import annotations

import re

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
