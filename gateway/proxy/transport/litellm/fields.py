"""Converts a chat completion's body to litellm's arguments by an allow-list, down to the parts of a message."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fairtrial.config.rules.translation import DEFAULT_VALUES, NOT_PASSED_ON, PASSED
from fairtrial.domain.answers.chat import wrong_type
from fairtrial.domain.errors import BadRequest
from fairtrial.domain.limits.canonical_json import json_object

MESSAGE = ("role", "content", "name", "tool_call_id", "refusal")
"""Fields of a message that are text, or a list of parts; ``tool_calls`` are converted separately."""

ROLES = ("assistant", "developer", "system", "tool", "user")
RESPONSE_FORMATS = ("json_object", "json_schema", "text")
CHOICES = ("auto", "none", "required")
PARTS = 10_000
DEPTH = 90
DEFINITIONS = ("$defs", "definitions")
Fields = dict[str, Any]
_EMBEDDED = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w.+-]+=[\w.+-]+)*;base64,[A-Za-z0-9+/=_\s-]+")


def litellm_fields(body: Mapping[str, Any]) -> Fields:
    """The fields that are passed on; `BadRequest` names the first one that can't be.

    litellm's keyword arguments decide where a request goes, with which key, and what is called on its way. Therefore an
    unknown field never becomes one of them, at any depth.
    """
    allowed = {
        name: value for name, value in body.items() if name not in NOT_PASSED_ON and not _says_nothing(name, value)
    }
    for name in allowed:
        if name not in PASSED:
            raise refused(name, "is not sent to this provider", "leave it out, or send null")
    check_values(allowed)
    fields = {name: value for name, value in allowed.items() if name not in ("stream", "stream_options")}
    fields["messages"] = list(_messages(allowed.get("messages")))
    check_calls(fields["messages"])
    if "tools" in allowed:
        fields["tools"] = list(_tools(allowed["tools"]))
    if "tool_choice" in allowed:
        fields["tool_choice"] = _tool_choice(allowed["tool_choice"])
    if "response_format" in allowed:
        fields["response_format"] = _response_format(allowed["response_format"])
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
    fields: Fields = {
        name: message[name] for name in MESSAGE if name != "content" and isinstance(message.get(name), str)
    }
    fields["content"] = _content(message.get("content"), f"{where}.content")
    if message.get("tool_calls"):
        calls = f"{where}.tool_calls"
        fields["tool_calls"] = [_call(call, calls) for call in several(message["tool_calls"], calls)]
    blocks = message.get("thinking_blocks") or []
    thoughts = [
        _texts(block, "type", "thinking", "signature", "data") for block in objects(blocks, f"{where}.thinking_blocks")
    ]
    return {**fields, "thinking_blocks": thoughts} if thoughts else fields


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


def _tools(tools: Any) -> Iterator[Fields]:
    for number, tool in enumerate(several(tools, "tools")):
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise refused(f"tools[{number}]", "is not a function", "only tools of type function are translated")
        yield {"type": "function", "function": _function(function, f"tools[{number}].function")}


def _function(function: Fields, where: str) -> Fields:
    fields: Fields = _texts(function, "name", "description")
    if isinstance(function.get("strict"), bool):
        fields["strict"] = function["strict"]
    if function.get("parameters") is not None:
        fields["parameters"] = bounded_schema(function["parameters"], f"{where}.parameters")
    return fields


def _tool_choice(choice: Any) -> Any:
    if isinstance(choice, str) and choice in CHOICES:
        return choice
    function = choice.get("function") if isinstance(choice, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise refused("tool_choice", "is neither a word nor a function", "auto, none, required, or a function's name")
    return {"type": "function", "function": {"name": function["name"]}}


def _response_format(value: Any) -> Fields:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in RESPONSE_FORMATS:
        raise refused("response_format", f"is of type {brief(kind)}", f"known: {', '.join(RESPONSE_FORMATS)}")
    if kind != "json_schema":
        return {"type": kind}
    schema = value.get("json_schema")
    if not isinstance(schema, dict):
        raise refused("response_format.json_schema", "is not an object")
    fields: Fields = _texts(schema, "name", "description")
    if isinstance(schema.get("strict"), bool):
        fields["strict"] = schema["strict"]
    fields["schema"] = bounded_schema(schema.get("schema"), "response_format.json_schema.schema")
    return {"type": kind, kind: fields}


def _texts(inside: Fields, *names: str) -> Fields:
    return {name: inside[name] for name in names if isinstance(inside.get(name), str)}


def bounded_schema(schema: Any, where: str) -> dict[str, Any]:
    """The schema itself; `BadRequest` if it is not one, or is too large or too deep with its references followed."""
    if not isinstance(schema, dict):
        raise refused(where, f"is {brief(schema)}", "a JSON schema, an object", code="invalid_value")
    _Measure(schema, where).take(schema, 1, frozenset())
    return schema


class _Measure:
    """Follows every reference except those that lead back into themselves, and stops at the limit."""

    def __init__(self, schema: dict[str, Any], where: str) -> None:
        self._where = where
        self._left = PARTS
        self._named: dict[str, list[Any]] = {}
        for name, part in _definitions(schema):
            self._named.setdefault(name, []).append(part)

    def take(self, part: Any, depth: int, inside: frozenset[str]) -> None:
        self._left -= 1
        if self._left < 0:
            raise self._too(f"has more than {PARTS} parts once its references are followed")
        if depth > DEPTH:
            raise self._too(f"is deeper than {DEPTH} levels once its references are followed")
        if isinstance(part, list):
            for item in part:
                self.take(item, depth + 1, inside)
        elif isinstance(part, dict):
            for item in part.values():
                self.take(item, depth + 1, inside)
            name = _name(part.get("$ref"))
            if name in self._named and name not in inside:
                self.take(self._named[name], depth, inside | {name})

    def _too(self, wrong: str) -> Exception:
        return refused(self._where, wrong, "send a simpler schema", code="invalid_value")


def _definitions(schema: Any) -> Iterator[tuple[str, Any]]:
    """Each definition by its name, wherever it stands. It keeps its own stack, because no depth was checked yet."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            for key in DEFINITIONS:
                if isinstance(part.get(key), dict):
                    yield from part[key].items()
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _name(reference: Any) -> str:
    return reference.rpartition("/")[2] if isinstance(reference, str) else ""


def check_values(fields: Fields) -> None:
    """Raise `BadRequest` for the first field with a wrong value."""
    for name, value in fields.items():
        kind = wrong_type(name, value)
        if kind is not None:
            raise refused(name, f"is {brief(value)}", kind, code="invalid_value")


def check_calls(messages: list[Fields]) -> None:
    """Raise `BadRequest` for the result of a tool call that no message made: no other protocol can express it."""
    called: set[str] = set()
    for number, message in enumerate(messages):
        called |= {call["id"] for call in message.get("tool_calls", ()) if "id" in call}
        if message["role"] == "tool" and message.get("tool_call_id") not in called:
            where = f"messages[{number}].tool_call_id"
            wrong = f"is {brief(message.get('tool_call_id'))}, and no message before it calls a tool by that id"
            raise refused(where, wrong, code="invalid_value")


def arguments(text: Any, where: str) -> str:
    """A call's arguments as they are written. They must be a JSON object, or empty."""
    if not isinstance(text, str) or (text.strip() and json_object(text) is None):
        raise refused(where, f"is {brief(text)}", "a JSON object, as text", code="invalid_value")
    return text


def embedded(url: Any, where: str) -> str:
    """An embedded image or file. A URL would be fetched from inside this network."""
    if not isinstance(url, str) or not _EMBEDDED.fullmatch(url):
        form = "nothing is fetched here: send the content itself, as data:image/png;base64,…"
        raise refused(where, "is not a data: URL", form)
    return url


def several(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise refused(where, "is not a list")
    return value


def objects(value: Any, where: str) -> Iterator[Fields]:
    for number, item in enumerate(several(value, where)):
        if not isinstance(item, dict):
            raise refused(f"{where}[{number}]", "is not an object")
        yield item


def brief(value: Any) -> str:
    return repr(value)[:60]


def refused(where: str, wrong: str, known: str = "", *, code: str = "unsupported_field") -> BadRequest:
    """The client's error: where, what is wrong, and what would be right."""
    message = f"{where}: {wrong}" + (f" ({known})" if known else "")
    return BadRequest(message, param=where, code=code)
