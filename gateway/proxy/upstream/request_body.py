"""What is changed in a body on its way up: ``model``, an arm's overrides, and a usage request for metering."""

from __future__ import annotations

import msgspec

from fairtrial.domain.errors import BadRequest
from gateway.proxy.plan.routing_table import Arm
from gateway.proxy.wire import lenient_json
from gateway.proxy.wire.request_body import Asked

_ENCODER = msgspec.json.Encoder()
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OPTIONS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TRUE = msgspec.Raw(b"true")
_ONLY_USAGE = msgspec.Raw(b'{"include_usage":true}')
SYSTEM_ROLES = frozenset({"system", "developer"})


class _Role(msgspec.Struct):
    role: str = ""


_ROLE = msgspec.json.Decoder(_Role)


def upstream_body(asked: Asked, arm: Arm, *, meter: bool, responses: bool = False) -> bytes:
    """The body for the upstream; every value that isn't named above goes up byte for byte.

    ``meter``: ask a stream for its usage. An arm's system prompt takes the place of a leading system (or developer)
    message, or goes before the first message where there is none. ``responses``: of the Responses API, where it takes
    the place of ``instructions``, else of such a message at the head of ``input``, else becomes ``instructions``.
    """
    fields = dict(asked.fields)
    fields["model"] = arm.endpoint.model
    fields.update(arm.params)
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
    kept = messages[1:] if leading in SYSTEM_ROLES else messages
    return msgspec.Raw(_ENCODER.encode([system, *kept]))


def _with_instructions(fields: dict[str, msgspec.Raw], prompt: str) -> dict[str, msgspec.Raw]:
    given, asked = fields.get("instructions"), fields.get("input")
    if asked is not None and (given is None or bytes(given).strip() == b"null"):
        try:
            items = _elements(asked)
            role = _role(items[0]) if items else ""
        except (ValueError, RecursionError):
            role = ""  # a text, or what the upstream shall refuse
        if role in SYSTEM_ROLES:
            system = msgspec.Raw(_ENCODER.encode({"role": role, "content": prompt}))
            return {"input": msgspec.Raw(_ENCODER.encode([system, *items[1:]]))}
    return {"instructions": msgspec.Raw(_ENCODER.encode(prompt))}


def _elements(messages: msgspec.Raw) -> list[msgspec.Raw]:
    try:
        return _LIST.decode(messages)
    except msgspec.DecodeError:
        return lenient_json.split_array(messages)


def _role(message: msgspec.Raw) -> str:
    """A message's role, "" where it has none; `ValueError` if it is no JSON object."""
    try:
        return _ROLE.decode(message).role
    except msgspec.DecodeError:
        fields = lenient_json.decode(message)
        if not isinstance(fields, dict):
            raise ValueError("not an object") from None
        return str(fields.get("role", ""))


def _with_usage(options: msgspec.Raw | None) -> msgspec.Raw:
    if options is None or bytes(options).strip() == b"null":
        return _ONLY_USAGE
    try:
        fields = _OPTIONS.decode(options)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return options  # not an object: the upstream shall say so
    return msgspec.Raw(_ENCODER.encode({**fields, "include_usage": _TRUE}))
