"""Finds the JSON object in an answer: strictly the whole text, or leniently the first object in it."""

from __future__ import annotations

import json
from typing import Any


class NotJson(Exception):
    """The answer has no JSON value of the form that is asked for; the message says why."""


def parse(text: str, *, lenient: bool = False) -> Any:
    """The JSON value that is the whole answer (white space around it is fine), or the first object in it."""
    if lenient:
        return _first_object(text)
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"the answer is not JSON: {error}") from error


def parse_object(text: str, *, lenient: bool = False) -> dict[str, Any]:
    """As `parse`, and it must be an object."""
    value = parse(text, lenient=lenient)
    if not isinstance(value, dict):
        raise NotJson(f"the answer is JSON, but not an object: it is {_kind(value)}")
    return value


def expected_object(expected: Any) -> dict[str, Any] | None:
    """The object that a row expects: as an object, or as its text; ``None`` if it is neither."""
    if isinstance(expected, dict):
        return expected
    if not isinstance(expected, str):
        return None
    try:
        return parse_object(expected)
    except NotJson:
        return None


def same(left: Any, right: Any) -> bool:
    """Equality of JSON values: ``true`` is not 1, and 1 is 1.0."""
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
    raise NotJson("the answer has no JSON object in it")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
