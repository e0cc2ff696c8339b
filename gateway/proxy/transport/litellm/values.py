"""Checks the values of a chat completion's fields that a translation would fail on.

A wrong value is the application's mistake, and must not look like a failure of the provider.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from fairtrial.domain.errors import BadRequest
from fairtrial.domain.limits.chat_params import wrong_type

Fields = dict[str, Any]
_EMBEDDED = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w.+-]+=[\w.+-]+)*;base64,[A-Za-z0-9+/=_\s-]+")


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
    try:
        sound = isinstance(text, str) and (not text.strip() or isinstance(json.loads(text), dict))
    except (ValueError, RecursionError):
        sound = False
    if not sound:
        raise refused(where, f"is {brief(text)}", "a JSON object, as text", code="invalid_value")
    return str(text)


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
    for number, one in enumerate(several(value, where)):
        if not isinstance(one, dict):
            raise refused(f"{where}[{number}]", "is not an object")
        yield one


def brief(value: Any) -> str:
    return repr(value)[:60]


def refused(where: str, wrong: str, known: str = "", *, code: str = "unsupported_field") -> BadRequest:
    """The client's error: where, what is wrong, and what would be right."""
    message = f"{where}: {wrong}" + (f" ({known})" if known else "")
    return BadRequest(message, param=where, code=code)
