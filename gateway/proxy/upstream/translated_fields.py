"""From a chat completion's body to what litellm is called with: an allow-list, down to the parts of a message.

litellm's keyword arguments decide where a request goes, with which key, and what is called on its way, so a field that
isn't known here never becomes one of them, at no depth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairtrial.config.translated import KEPT_HERE, MEANS_NOTHING, PASSED
from fairtrial.domain.errors import BadRequest

Fields = dict[str, Any]
MESSAGE = ("role", "content", "name", "tool_call_id", "refusal")
"""Fields of a message that are text, or a list of parts; ``tool_calls`` is taken apart beside them."""

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
EMBEDDED = "data:"
FUNCTION = ("name", "description", "parameters", "strict")
RESPONSE_FORMATS = frozenset({"text", "json_object", "json_schema"})
CHOICES = frozenset({"auto", "none", "required"})


def litellm_fields(body: Mapping[str, Any]) -> Fields:
    """The fields that are passed on; `BadRequest` names the first one that can't be."""
    asked = {name: value for name, value in body.items() if name not in KEPT_HERE and not _says_nothing(name, value)}
    for name in asked:
        if name not in PASSED:
            raise _refused(name, "is not sent to this provider", "leave it out, or send null")
    fields = {name: value for name, value in asked.items() if name not in ("stream", "stream_options")}
    fields["messages"] = list(_messages(asked.get("messages")))
    if "tools" in asked:
        fields["tools"] = list(_tools(asked["tools"]))
    if "tool_choice" in asked:
        fields["tool_choice"] = _tool_choice(asked["tool_choice"])
    if "response_format" in asked:
        fields["response_format"] = _response_format(asked["response_format"])
    return fields


def _says_nothing(name: str, value: Any) -> bool:
    return value is None or value in MEANS_NOTHING.get(name, ())


def _messages(messages: Any) -> Iterator[Fields]:
    if not isinstance(messages, list) or not messages:
        raise _refused("messages", "is not a list of messages", "at least one")
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        if not isinstance(message, dict):
            raise _refused(where, "is not an object")
        if message.get("role") not in ROLES:
            raise _refused(f"{where}.role", f"is {_brief(message.get('role'))}", f"known: {', '.join(sorted(ROLES))}")
        yield _message(message, where)


def _message(message: Fields, where: str) -> Fields:
    """The message with the fields that mean something; what else an answer of ours carried is left out."""
    kept: Fields = {name: message[name] for name in MESSAGE if name != "content" and isinstance(message.get(name), str)}
    kept["content"] = _content(message.get("content"), f"{where}.content")
    if message.get("tool_calls"):
        kept["tool_calls"] = [_call(call, f"{where}.tool_calls") for call in _list(message["tool_calls"], where)]
    thoughts = [_thought(block) for block in message.get("thinking_blocks") or () if isinstance(block, dict)]
    return {**kept, "thinking_blocks": thoughts} if thoughts else kept


def _content(content: Any, where: str) -> Any:
    if content is None or isinstance(content, str):
        return content
    return [_part(part, f"{where}[{number}]") for number, part in enumerate(_list(content, where))]


def _part(part: Any, where: str) -> Fields:
    kind = part.get("type") if isinstance(part, dict) else None
    inside = part.get(kind) if isinstance(part, dict) and isinstance(kind, str) else None
    if kind in ("text", "refusal") and isinstance(inside, str):
        return {"type": kind, kind: inside}
    if kind == "image_url" and isinstance(inside, dict):
        return {
            "type": kind,
            kind: {**_texts(inside, "detail"), "url": _embedded(inside.get("url"), f"{where}.image_url.url")},
        }
    if kind == "file" and isinstance(inside, dict):
        content = _embedded(inside.get("file_data"), f"{where}.file.file_data")
        return {"type": kind, kind: {**_texts(inside, "filename"), "file_data": content}}
    if kind == "input_audio" and isinstance(inside, dict):
        return {"type": kind, kind: _texts(inside, "data", "format")}
    raise _refused(where, f"is a part of type {_brief(kind)}", "known: text, refusal, image_url, file, input_audio")


def _embedded(url: Any, where: str) -> str:
    """A picture or a file itself: an address would be fetched from inside of this network."""
    if not isinstance(url, str) or not url.startswith(EMBEDDED):
        raise _refused(where, "is not a data: URL", "nothing is fetched here: send the content itself")
    return url


def _call(call: Any, where: str) -> Fields:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise _refused(where, "has a call that is no function's")
    return {**_texts(call, "id"), "type": "function", "function": _texts(function, "name", "arguments")}


def _thought(block: Fields) -> Fields:
    return _texts(block, "type", "thinking", "signature", "data")


def _tools(tools: Any) -> Iterator[Fields]:
    for number, tool in enumerate(_list(tools, "tools")):
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise _refused(f"tools[{number}]", "is not a function", "only tools of type function are translated")
        yield {"type": "function", "function": {name: function[name] for name in FUNCTION if name in function}}


def _tool_choice(choice: Any) -> Any:
    if isinstance(choice, str) and choice in CHOICES:
        return choice
    function = choice.get("function") if isinstance(choice, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise _refused("tool_choice", "is neither a word nor a function", "auto, none, required, or a function's name")
    return {"type": "function", "function": {"name": function["name"]}}


def _response_format(wanted: Any) -> Fields:
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in RESPONSE_FORMATS:
        raise _refused("response_format", f"is of type {_brief(kind)}", f"known: {', '.join(sorted(RESPONSE_FORMATS))}")
    if kind != "json_schema":
        return {"type": kind}
    schema = wanted.get("json_schema")
    if not isinstance(schema, dict):
        raise _refused("response_format.json_schema", "is not an object")
    return {
        "type": kind,
        kind: {name: schema[name] for name in ("name", "description", "schema", "strict") if name in schema},
    }


def _texts(inside: Fields, *names: str) -> Fields:
    return {name: inside[name] for name in names if isinstance(inside.get(name), str)}


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise _refused(where, "is not a list")
    return value


def _brief(value: Any) -> str:
    return repr(value)[:60]


def _refused(where: str, wrong: str, known: str = "") -> BadRequest:
    message = f"{where}: {wrong}" + (f" ({known})" if known else "")
    return BadRequest(message, param=where, code="unsupported_field")
