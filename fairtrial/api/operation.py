"""Defines what an operation of control's API is, finds all of them, and writes and reads requests as HTTP parts."""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar, cast, get_args, get_origin
from urllib.parse import quote

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo, fields

from fairtrial.domain.accounts import Role
from fairtrial.domain.errors import BadRequest
from fairtrial.domain.estimates import read_evidence
from fairtrial.domain.limits.constants import END_OF_TIME_US, LARGEST_OFFSET, LARGEST_PAGE

Since = Annotated[int, Meta(ge=0, le=END_OF_TIME_US, description="from, in microseconds since 1970, UTC")]
Until = Annotated[int, Meta(ge=0, le=END_OF_TIME_US, description="until (exclusive)")]
Limit = Annotated[int, Meta(ge=1, le=LARGEST_PAGE)]
Offset = Annotated[int, Meta(ge=0, le=LARGEST_OFFSET)]
Text = Annotated[str, Meta(max_length=200)]
Time = Annotated[datetime, Meta(tz=True, description="UTC")]
Row = dict[str, Any]
Rows = list[Row]
Q = TypeVar("Q", bound="Request")
R = TypeVar("R", covariant=True)
Method = Literal["GET", "POST", "PUT", "DELETE"]
Kind = Literal["value", "table", "file", "job"]
SECONDS = 120.0
PREFIX = "/api"
_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
_NAMED = re.compile(r"Object (contains unknown|missing required) field `(.*)`")
_PLACE = re.compile(r"(?s)(.*) - at `\$(.*)`$")


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The base of all requests. Constraints of a field are checked where the request is decoded."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all answers, and of the rows of tables. Readers ignore the fields of a later version."""


class TrafficWindow(Request, frozen=True, kw_only=True):
    """A time window of traffic figures: the last week, to the minute, unless there is a start."""

    since_us: Annotated[int, Meta(ge=0, le=END_OF_TIME_US, description="from; 0 means all time")] | None = None
    until_us: Until = END_OF_TIME_US
    limit: Limit = 100
    offset: Offset = 0


class Window(TrafficWindow, frozen=True, kw_only=True):
    """A listing's time window and page."""

    since_us: Since = 0


class Nothing(Request, frozen=True):
    """The request of an operation without parameters."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[Q, R]):
    """One operation: requests of type ``Q`` are answered with an ``R``.

    ``name``: the module that declares and the module that implements it, and its function there. ``path``: below
    ``/api``. Fields of the request that the path names are parts of the path. The others are query parameters of a GET
    or DELETE, and the JSON body of a POST or PUT. ``person``: a signed-in person is needed, not an API key.
    ``seconds``: how long a client waits. ``in_turn``: calls of all operations with the same word run one at a time.

    Kinds: the answer of a ``value`` is JSON. A ``table`` is ``{"rows": […]}``, or an Arrow stream if the caller accepts
    one and the rows come from one query. A ``file`` has a media type. A ``job`` is started, and followed by its id.
    """

    name: str
    method: Method
    path: str
    role: Role
    request: type[Q]
    response: type[R]
    description: str
    kind: Kind = "value"
    status: int = 200
    person: bool = False
    seconds: float = SECONDS
    in_turn: str = ""

    @property
    def module(self) -> str:
        """The module in which it is declared, and its implementation in a module of the same name."""
        return self.name.split(".")[0]

    @property
    def function(self) -> str:
        """The function that implements it."""
        return self.name.split(".")[1]

    @property
    def has_body(self) -> bool:
        """Whether a request has a JSON body."""
        return self.method in ("POST", "PUT")


def operations() -> Iterator[Operation[Any, Any]]:
    """All operations, by module and in the order in which they are declared."""
    package = importlib.import_module("fairtrial.api")
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"fairtrial.api.{info.name}")
        yield from (value for value in vars(module).values() if isinstance(value, Operation))


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
    fields_by_name = dict(_converted(known.values(), values, place, problems))
    if problems:
        raise BadRequest("; ".join(problems))
    try:
        return operation.request(**fields_by_name)
    except ValueError as error:
        raise BadRequest(f"{place}: {error}") from error


def read_answer(operation: Operation[Any, R], content: bytes) -> R:
    """The answer in an encoded one; raises `msgspec.ValidationError`."""
    if operation.kind == "file":
        return cast(R, content)
    if operation.kind == "table":
        kind: Any = _Table
        return cast(R, msgspec.json.decode(content, type=kind[operation.response], dec_hook=read_evidence).rows)
    return msgspec.json.decode(content, type=operation.response, dec_hook=read_evidence)


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
