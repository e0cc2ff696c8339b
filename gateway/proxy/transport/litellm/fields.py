"""Converts a chat completion's body to litellm's arguments by an allow-list, down to the parts of a message.

litellm's keyword arguments decide where a request goes, with which key, and what is called on its way. Therefore an
unknown field never becomes one of them, at any depth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairtrial.config.rules.translation import DEFAULT_VALUES, NOT_PASSED_ON, PASSED
from gateway.proxy.transport.litellm.schema import bounded_schema
from gateway.proxy.transport.litellm.values import (
    Fields,
    arguments,
    brief,
    check_calls,
    check_values,
    embedded,
    objects,
    refused,
    several,
)

MESSAGE = ("role", "content", "name", "tool_call_id", "refusal")
"""Fields of a message that are text, or a list of parts; ``tool_calls`` are converted separately."""

ROLES = ("assistant", "developer", "system", "tool", "user")
RESPONSE_FORMATS = ("json_object", "json_schema", "text")
CHOICES = ("auto", "none", "required")


def litellm_fields(body: Mapping[str, Any]) -> Fields:
    """The fields that are passed on; `BadRequest` names the first one that can't be."""
    asked = {
        name: value for name, value in body.items() if name not in NOT_PASSED_ON and not _says_nothing(name, value)
    }
    for name in asked:
        if name not in PASSED:
            raise refused(name, "is not sent to this provider", "leave it out, or send null")
    check_values(asked)
    fields = {name: value for name, value in asked.items() if name not in ("stream", "stream_options")}
    fields["messages"] = list(_messages(asked.get("messages")))
    check_calls(fields["messages"])
    if "tools" in asked:
        fields["tools"] = list(_tools(asked["tools"]))
    if "tool_choice" in asked:
        fields["tool_choice"] = _tool_choice(asked["tool_choice"])
    if "response_format" in asked:
        fields["response_format"] = _response_format(asked["response_format"])
    return fields


def _says_nothing(name: str, value: Any) -> bool:
    return value is None or value in DEFAULT_VALUES.get(name, ())


def _messages(messages: Any) -> Iterator[Fields]:
    if not isinstance(messages, list) or not messages:
        raise refused("messages", "is not a list of messages", "at least one")
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        if not isinstance(message, dict):
            raise refused(where, "is not an object")
        if message.get("role") not in ROLES:
            raise refused(f"{where}.role", f"is {brief(message.get('role'))}", f"known: {', '.join(ROLES)}")
        yield _message(message, where)


def _message(message: Fields, where: str) -> Fields:
    """The message with its meaningful fields only: what else an earlier answer carried is dropped."""
    kept: Fields = {name: message[name] for name in MESSAGE if name != "content" and isinstance(message.get(name), str)}
    kept["content"] = _content(message.get("content"), f"{where}.content")
    if message.get("tool_calls"):
        calls = f"{where}.tool_calls"
        kept["tool_calls"] = [_call(call, calls) for call in several(message["tool_calls"], calls)]
    blocks = message.get("thinking_blocks") or []
    thoughts = [_thought(block) for block in objects(blocks, f"{where}.thinking_blocks")]
    return {**kept, "thinking_blocks": thoughts} if thoughts else kept


def _content(content: Any, where: str) -> Any:
    if content is None or isinstance(content, str):
        return content
    return [_part(part, f"{where}[{number}]") for number, part in enumerate(several(content, where))]


def _part(part: Any, where: str) -> Fields:
    kind = part.get("type") if isinstance(part, dict) else None
    inside = part.get(kind) if isinstance(part, dict) and isinstance(kind, str) else None
    if kind in ("text", "refusal") and isinstance(inside, str):
        return {"type": kind, kind: inside}
    if kind == "image_url" and isinstance(inside, dict):
        return {
            "type": kind,
            kind: {**_texts(inside, "detail"), "url": embedded(inside.get("url"), f"{where}.image_url.url")},
        }
    if kind == "file" and isinstance(inside, dict):
        content = embedded(inside.get("file_data"), f"{where}.file.file_data")
        return {"type": kind, kind: {**_texts(inside, "filename"), "file_data": content}}
    if kind == "input_audio" and isinstance(inside, dict):
        return {"type": kind, kind: _texts(inside, "data", "format")}
    raise refused(where, f"is a part of type {brief(kind)}", "known: text, refusal, image_url, file, input_audio")


def _call(call: Any, where: str) -> Fields:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise refused(where, "has a call that is not a function call")
    given = arguments(function.get("arguments", ""), f"{where}.function.arguments")
    return {**_texts(call, "id"), "type": "function", "function": {**_texts(function, "name"), "arguments": given}}


def _thought(block: Fields) -> Fields:
    return _texts(block, "type", "thinking", "signature", "data")


def _tools(tools: Any) -> Iterator[Fields]:
    for number, tool in enumerate(several(tools, "tools")):
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise refused(f"tools[{number}]", "is not a function", "only tools of type function are translated")
        yield {"type": "function", "function": _function(function, f"tools[{number}].function")}


def _function(function: Fields, where: str) -> Fields:
    kept: Fields = _texts(function, "name", "description")
    if isinstance(function.get("strict"), bool):
        kept["strict"] = function["strict"]
    if function.get("parameters") is not None:
        kept["parameters"] = bounded_schema(function["parameters"], f"{where}.parameters")
    return kept


def _tool_choice(choice: Any) -> Any:
    if isinstance(choice, str) and choice in CHOICES:
        return choice
    function = choice.get("function") if isinstance(choice, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise refused("tool_choice", "is neither a word nor a function", "auto, none, required, or a function's name")
    return {"type": "function", "function": {"name": function["name"]}}


def _response_format(wanted: Any) -> Fields:
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in RESPONSE_FORMATS:
        raise refused("response_format", f"is of type {brief(kind)}", f"known: {', '.join(RESPONSE_FORMATS)}")
    if kind != "json_schema":
        return {"type": kind}
    schema = wanted.get("json_schema")
    if not isinstance(schema, dict):
        raise refused("response_format.json_schema", "is not an object")
    kept: Fields = _texts(schema, "name", "description")
    if isinstance(schema.get("strict"), bool):
        kept["strict"] = schema["strict"]
    kept["schema"] = bounded_schema(schema.get("schema"), "response_format.json_schema.schema")
    return {"type": kind, kind: kept}


def _texts(inside: Fields, *names: str) -> Fields:
    return {name: inside[name] for name in names if isinstance(inside.get(name), str)}
