"""Parses the JSON of an answer: strictly the whole text, or leniently its first object."""

from __future__ import annotations

import json
from collections.abc import Collection
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
    return canonical(left) == canonical(right)


def canonical(value: Any, *, order: bool = True, ignore: Collection[str] = ()) -> str:
    """A text that is equal for equal values only; raises `NotJson` for a value that is nested too deeply.

    ``ignore``: fields that are left out. Without ``order`` lists are sorted.
    """
    try:
        return json.dumps(_canonical(value, order, ignore), sort_keys=True)
    except RecursionError as error:
        raise NotJson("the answer is nested too deeply to compare") from error


def _canonical(value: Any, order: bool, ignore: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(part, order, ignore) for key, part in value.items() if key not in ignore}
    if isinstance(value, list | tuple):
        parts = [_canonical(part, order, ignore) for part in value]
        return parts if order else sorted(parts, key=lambda part: json.dumps(part, sort_keys=True))
    return int(value) if isinstance(value, float) and value.is_integer() else value


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
