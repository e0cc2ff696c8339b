"""Decodes JSON with lone surrogate escapes, slowly. It is legal, but msgspec refuses it."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import msgspec

_SPACE = re.compile(r"[ \t\r\n]*")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def decode(raw: bytes | msgspec.Raw) -> Any:
    """The whole value; `ValueError` (of which `UnicodeDecodeError` is one) or `RecursionError` if it isn't JSON."""
    return _DECODER.decode(bytes(raw).decode())


def split_object(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """An object's values by name, each as undecoded bytes; `ValueError` if it is not a JSON object."""
    if not isinstance(decode(raw), dict):
        raise ValueError("not an object")
    text = bytes(raw).decode()
    fields: dict[str, msgspec.Raw] = {}
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, start)
        fields[name] = msgspec.Raw(text[start:end].encode())
        at = _next(text, end)
    return fields


def split_array(raw: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """An array's elements, each as undecoded bytes; `ValueError` if it is not a JSON array."""
    if not isinstance(decode(raw), list):
        raise ValueError("not an array")
    text = bytes(raw).decode()
    elements: list[msgspec.Raw] = []
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        elements.append(msgspec.Raw(text[at:end].encode()))
        at = _next(text, end)
    return elements


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _next(text: str, end: int) -> int:
    """The position of the next element or of the closing bracket, after a comma if there is one."""
    at = _skip(text, end)
    return _skip(text, at + 1) if text[at] == "," else at
