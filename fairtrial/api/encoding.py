"""Writes the request of an operation as HTTP parts, and reads it back with every constraint checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, cast, get_args, get_origin
from urllib.parse import quote

import msgspec
from msgspec.structs import FieldInfo, fields

from fairtrial.api.operation import Operation, Q, R
from fairtrial.domain.errors import BadRequest

PREFIX = "/api"
_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
_NAMED = re.compile(r"Object (contains unknown|missing required) field `(.*)`")
_PLACE = re.compile(r"(?s)(.*) - at `\$(.*)`$")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as HTTP sends it. ``named``: the texts of the path's parameters. ``query``: names with texts."""

    path: str
    named: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class _Table(msgspec.Struct, Generic[R]):
    rows: R


def path_names(path: str) -> tuple[str, ...]:
    """The names of the parameters in a path."""
    return tuple(_PARAMETER.findall(path))


def to_http(operation: Operation[Q, Any], request: Q) -> HttpRequest:
    """The request as HTTP sends it; fields with their default are left out."""
    values: dict[str, Any] = msgspec.to_builtins(request)
    named = {name: str(values.pop(name)) for name in path_names(operation.path)}
    path = _PARAMETER.sub(lambda match: quote(named[match[1]], safe=""), PREFIX + operation.path)
    if operation.has_body:
        return HttpRequest(path, named, (), msgspec.json.encode(values))
    query = ((name, _text(each)) for name, value in values.items() for each in _each(value))
    return HttpRequest(path, named, tuple(query))


def from_http(
    operation: Operation[Q, Any], path: Mapping[str, str], query: Iterable[tuple[str, str]], body: bytes
) -> Q:
    """The request that was sent; raises `BadRequest` with all problems.

    ``path``: the texts of its parameters. Unknown query parameters are ignored; unknown fields of a body are not.
    """
    known = {field.encode_name: field for field in fields(operation.request)}
    values: dict[str, tuple[str, Any]] = {name: ("path", text) for name, text in path.items() if name in known}
    problems: list[str] = []
    if operation.has_body:
        for name, value in _decoded(body).items():
            if name not in known or name in path:
                problems.append(f"body.{name}: unknown field")
            else:
                values[name] = ("body", value)
    else:
        for name, text in query:
            if name in known and name not in path:
                is_list = _is_list(known[name].type)
                values[name] = ("query", [*values.get(name, ("", []))[1], text] if is_list else text)
    place = "body" if operation.has_body else "query"
    found = dict(_converted(known.values(), values, place, problems))
    if problems:
        raise BadRequest("; ".join(problems))
    try:
        return operation.request(**found)
    except ValueError as error:
        raise BadRequest(f"{place}: {error}") from error


def read_answer(operation: Operation[Any, R], content: bytes) -> R:
    """The answer in an encoded one; raises `msgspec.ValidationError`."""
    if operation.kind == "file":
        return cast(R, content)
    if operation.kind == "table":
        kind: Any = _Table
        return cast(R, msgspec.json.decode(content, type=kind[operation.response]).rows)
    return msgspec.json.decode(content, type=operation.response)


def _converted(
    known: Iterable[FieldInfo], values: Mapping[str, tuple[str, Any]], place: str, problems: list[str]
) -> Iterator[tuple[str, Any]]:
    """The values by field, each of its type. Adds what is wrong to the problems."""
    for field in known:
        where, value = values.get(field.encode_name, (place, msgspec.UNSET))
        if value is msgspec.UNSET:
            if field.required:
                problems.append(f"{where}.{field.encode_name}: required")
            continue
        try:
            yield field.name, _convert(value, field.type, is_text=where != "body")
        except msgspec.ValidationError as error:
            problems.append(_problem(f"{where}.{field.encode_name}", str(error), _choices(field.type)))


def _convert(value: Any, kind: Any, *, is_text: bool) -> Any:
    """The value of its type. A text is first read as a text, so that the name `null` stays a name."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        if not is_text:
            raise
    return msgspec.convert(value, kind, strict=False)


def _decoded(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"body: {error}") from error
    if not isinstance(value, dict):
        raise BadRequest("body: a JSON object is required")
    return value


def _problem(where: str, message: str, choices: Sequence[str]) -> str:
    match = _PLACE.match(message)
    where, message = (f"{where}{match[2]}", match[1]) if match else (where, message)
    if (named := _NAMED.match(message)) is not None:
        where, message = f"{where}.{named[2]}", "unknown field" if named[1] == "contains unknown" else "required"
    message = message.replace("<=", "at most").replace(">=", "at least")
    known = f" (known: {', '.join(choices)})" if choices and message.startswith("Invalid enum value") else ""
    return f"{where}: {message}{known}"


def _choices(kind: Any) -> list[str]:
    """The values of the enumeration in a type."""
    if get_origin(kind) is Literal:
        return [str(value) for value in get_args(kind)]
    return [value for each in get_args(kind) for value in _choices(each)]


def _is_list(kind: Any) -> bool:
    return get_origin(kind) in (list, tuple) or any(_is_list(each) for each in get_args(kind))


def _each(value: Any) -> Iterable[Any]:
    return () if value is None else value if isinstance(value, list | tuple) else (value,)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
