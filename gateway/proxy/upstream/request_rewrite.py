"""Rewrites a request for the upstream: drops hop-by-hop headers, and changes a few fields of the body."""

import re
from collections.abc import Sequence

import msgspec

from fairtrial.domain.errors import BadRequest, UpstreamError
from gateway.proxy.plan.routing_table import Arm, Endpoint
from gateway.proxy.wire import json_bodies
from gateway.proxy.wire.http import TRACE_HEADER, Headers, NameCache, trace_of
from gateway.proxy.wire.json_bodies import RequestBody

NOT_FORWARDED = frozenset(
    {
        "host", "connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect", "content-length",
        "content-encoding", "accept-encoding", "authorization", "api-key", "x-api-key", "cookie", "proxy-authorization",
        "proxy-connection", "forwarded", "via", "x-real-ip", "x-request-id", "openai-organization", "openai-project",
        "origin", "referer", "x-original-url", "x-original-uri", "x-rewrite-url", "x-http-method-override",
        "x-http-method", "x-method-override", "baggage", "tracestate",
    }
)  # fmt: skip
"""Headers of the connection, of authentication, those that the gateway sets, those that redirect servers, and what a
caller's tracing tells its own services.
"""

NOT_FORWARDED_PREFIXES = ("x-fairtrial-", "x-forwarded-", "sec-", "access-control-")


GATEWAY_PREFIXES = (
    "cf-", "helicone-", "langfuse", "langsmith-", "litellm-", "x-ai-eg-", "x-amz-", "x-amzn-", "x-apisix-", "x-bf-",
    "x-bt-", "x-data-parallel-", "x-dynamo-", "x-envoy-", "x-gateway-", "x-goog-", "x-kong-", "x-langfuse-",
    "x-litellm-", "x-llm-", "x-ms-", "x-portkey-", "x-prefiller-", "x-requesty-", "x-smg-", "x-tensorzero-", "x-tfy-",
    "x-vercel-", "x-vsr-", "tensorzero-", "databricks-", "x-databricks-", "fly-", "x-upstream-", "x-target-",
)  # fmt: skip
"""Prefixes of the headers of gateways, meshes and routers, and of the clouds that place one in front of models."""

CREDENTIAL = re.compile(
    r"(?:.*[-_])?(?:api[-_]?(?:key|base|token|secret)|apikey|(?:access|auth|bearer|csrf|id|session|security)[-_]?token"
    r"|secret(?:[-_]key)?|(?:subscription|virtual)[-_]key|password|credentials?|authorization|(?:base|target|proxy)[-_](?:url|uri|host)"
    r"|token)"
)
"""A whole name that carries a credential or an address, of any vendor: ``anthropic-api-key``, ``x-api-base``."""

CLIENT_ADDRESSES = frozenset({"true-client-ip", "x-client-ip", "x-cluster-client-ip"})
"""The client's address does not concern the upstream."""

_ENCODER = msgspec.json.Encoder()
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OPTIONS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TRUE = msgspec.Raw(b"true")
_ONLY_USAGE = msgspec.Raw(b'{"include_usage":true}')
SYSTEM_ROLES = frozenset({"system", "developer"})


class _Role(msgspec.Struct):
    role: str = ""


_ROLE = msgspec.json.Decoder(_Role)


def upstream_headers(
    received: Headers, endpoint: Endpoint, request_id: str, *, unit_headers: Sequence[str] = ()
) -> Headers:
    """The headers for the upstream, with its own key. Headers that ``Connection`` names are dropped too, and so
    is an invalid trace.

    Headers for other gateways are dropped unless the deployment lists them, see `control_headers`. ``unit_headers``
    name users, and are dropped.
    """
    known = _FORWARDED.get
    sent = {
        name: value
        for name, value in received.raw.items()
        if known(name) or (known(name) is None and _FORWARDED.find(name))
    }
    for name in endpoint.deployment.forward_headers:
        if name in received.raw:
            sent[name] = received.raw[name]
    for name in unit_headers:
        sent.pop(name, None)
    if TRACE_HEADER in sent and trace_of(sent[TRACE_HEADER]) is None:
        del sent[TRACE_HEADER]
    connection = received.raw.get("connection", b"keep-alive")
    if connection != b"keep-alive":
        for name in connection.decode("latin-1").lower().split(","):
            sent.pop(name.strip(), None)
    sent["accept-encoding"] = b"identity"
    sent["x-request-id"] = request_id.encode()
    if endpoint.authorization is not None:
        sent["authorization"] = endpoint.authorization
    return Headers(sent)


_FORWARDED = NameCache[str, bool](
    lambda name: not (name in NOT_FORWARDED or name.startswith(NOT_FORWARDED_PREFIXES) or steers_a_gateway(name))
)
"""Whether an upstream gets a header that its deployment does not list."""


def refuse_without_key(endpoint: Endpoint) -> None:
    """Raise `UpstreamError` if the provider's key is not in the environment."""
    if endpoint.missing is not None:
        raise UpstreamError(
            f"{endpoint.name}: its API key needs the environment variable {endpoint.missing}, which is not set here",
            code="deployment_key_missing",
        )


def steers_a_gateway(name: str) -> bool:
    """Whether a header of this lower-case name is for another gateway."""
    return name.startswith(GATEWAY_PREFIXES) or name in CLIENT_ADDRESSES or CREDENTIAL.fullmatch(name) is not None


def upstream_body(body: RequestBody, arm: Arm, *, meter: bool, responses: bool = False) -> bytes:
    """The body for the upstream. Every value that isn't named above is sent byte for byte.

    A deployment's parameters replace the caller's, and a variant's replace both.

    ``meter``: request the usage of a stream. An arm's system prompt replaces a leading system (or developer) message,
    or goes before the first message. ``responses``: in the Responses API it replaces ``instructions``, else such a
    message at the head of ``input``, else it becomes ``instructions``.
    """
    fields = dict(body.fields)
    fields["model"] = arm.endpoint.model
    for name, value in (*arm.endpoint.params.items(), *arm.params.items()):
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = value
    if arm.system_prompt is not None and responses:
        fields.update(_with_instructions(fields, arm.system_prompt))
    elif arm.system_prompt is not None:
        fields["messages"] = _with_system(fields, arm.system_prompt)
    if meter:
        fields["stream_options"] = _with_usage(fields.get("stream_options"))
    return _ENCODER.encode(fields)


def _with_system(fields: dict[str, msgspec.Raw], prompt: str) -> msgspec.Raw:
    raw = fields.get("messages")
    if raw is None:
        raise BadRequest(
            "messages: is missing, and this route's arm sets a system prompt", param="messages", code="invalid_messages"
        )
    try:
        messages = _elements(raw)
        leading = _role(messages[0]) if messages else ""
    except (ValueError, RecursionError):
        raise BadRequest("messages: is not a list of messages", param="messages", code="invalid_messages") from None
    role = leading if leading in SYSTEM_ROLES else "system"
    system = msgspec.Raw(_ENCODER.encode({"role": role, "content": prompt}))
    conversation = messages[1:] if leading in SYSTEM_ROLES else messages
    return msgspec.Raw(_ENCODER.encode([system, *conversation]))


def _with_instructions(fields: dict[str, msgspec.Raw], prompt: str) -> dict[str, msgspec.Raw]:
    given, question = fields.get("instructions"), fields.get("input")
    if question is not None and (given is None or bytes(given).strip() == b"null"):
        try:
            items = _elements(question)
            role = _role(items[0]) if items else ""
        except (ValueError, RecursionError):
            role = ""  # a text, or something that the upstream shall refuse
        if role in SYSTEM_ROLES:
            system = msgspec.Raw(_ENCODER.encode({"role": role, "content": prompt}))
            return {"input": msgspec.Raw(_ENCODER.encode([system, *items[1:]]))}
    return {"instructions": msgspec.Raw(_ENCODER.encode(prompt))}


def _elements(messages: msgspec.Raw) -> list[msgspec.Raw]:
    try:
        return _LIST.decode(messages)
    except msgspec.DecodeError:
        return json_bodies.split_array(messages)


def _role(message: msgspec.Raw) -> str:
    """A message's role, or "" if it has none; `ValueError` if it is not a JSON object."""
    try:
        return _ROLE.decode(message).role
    except msgspec.DecodeError:
        fields = json_bodies.decode_leniently(message)
        if not isinstance(fields, dict):
            raise ValueError("not an object") from None
        return str(fields.get("role", ""))


def _with_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    if options is None or bytes(options).strip() == b"null":
        return _ONLY_USAGE
    try:
        fields = _OPTIONS.decode(options)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return options  # not an object: the upstream shall report it
    return msgspec.Raw(_ENCODER.encode({**fields, "include_usage": _TRUE}))
