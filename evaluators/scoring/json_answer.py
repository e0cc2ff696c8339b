"""Parses the JSON of an answer: strictly the whole text, or leniently its first object."""

from __future__ import annotations

import json
from typing import Any


class NotJson(Exception):
    """The answer has no JSON value of the required form; the message is the reason."""


def parse(text: str, *, lenient: bool = False) -> Any:
    """The JSON value of the whole answer (surrounding white space is allowed), or the first object in it."""
    if lenient:
        return _first_object(text)
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"the answer is not JSON: {error}") from error


def parse_object(text: str, *, lenient: bool = False) -> dict[str, Any]:
    """Like `parse`, but the value must be an object."""
    value = parse(text, lenient=lenient)
    if not isinstance(value, dict):
        raise NotJson(f"the answer is JSON, but {_kind(value)}")
    return value


def expected_object(expected: Any) -> dict[str, Any] | None:
    """The expected object of a row, given as an object or as JSON text; ``None`` if it is neither."""
    if isinstance(expected, dict):
        return expected
    if not isinstance(expected, str):
        return None
    try:
        return parse_object(expected)
    except NotJson:
        return None


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; ``true`` is not 1, but 1 equals 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(one, other) for one, other in zip(left, right, strict=True))
    return bool(left == right)


def _first_object(text: str) -> Any:
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    at = text.find("{")
    while at >= 0:
        try:
            value, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
        else:
            return value
    raise NotJson("the answer contains no JSON object")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return f"{names.get(type(value), 'a number')} instead of an object"
