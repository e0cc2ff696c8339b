"""Converts pydantic's errors to messages with lines and known names, and replaces invalid values by harmless ones."""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fairtrial.config.file.schema import ProjectFile, fields_of, is_section
from fairtrial.config.file.yaml_file import Document, Step
from fairtrial.domain.errors import Diagnostic, nearest

MAX_ERRORS = 100
"""The most errors that one kind of check reports; further ones appear when these are fixed."""
SECRETS = ("api_key",)
"""Fields whose values no message quotes, because messages go to logs, the audit trail and the dashboard."""
NOUNS: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of names to values",
    "model_type": "a mapping of names to values",
    "dataclass_type": "a mapping of names to values",
    "model_attributes_type": "a mapping of names to values",
}
KINDS: Mapping[type, str] = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", type(None): "empty"}
REMOVED_FIELDS: Mapping[tuple[Step, ...], str] = {
    ("gateway", "transport"): "delete the line; the gateway's own connections serve every upstream",
}
"""Fields of earlier releases, with what a user does instead."""
RECOVERY_ROUNDS = 20
CUT = object()
PLACEHOLDERS: dict[str, Any] = {
    "missing": "?",
    "string_type": "?",
    "string_too_short": "?",
    "dict_type": {},
    "model_type": {},
    "model_attributes_type": {},
    "dataclass_type": {},
    "list_type": [],
    "tuple_type": [],
    "bool_type": False,
    "bool_parsing": False,
}
FIRST_LITERAL = re.compile(r"'([^']*)'|(\d+)")


@dataclass(frozen=True, slots=True)
class FieldError:
    """An error at a path of the file, without its line."""

    path: tuple[Step, ...]
    wrong: str
    known: str = ""

    def at(self, document: Document) -> Diagnostic:
        """The same error with its file and line."""
        return document.diagnostic(self.path, self.wrong, self.known)


def validation_errors(document: Document, error: ValidationError, model: type[Any]) -> list[Diagnostic]:
    """All errors of validating this document as this model, each with its line and only once."""
    return sorted({wrong.at(document) for wrong in field_errors(document.value, error, model)})


def field_errors(value: Any, error: ValidationError, model: type[Any]) -> list[FieldError]:
    """The same errors without lines. Values are quoted from ``value``, the original text without the environment."""
    errors: dict[tuple[Step, ...], FieldError] = {}
    for detail in details_of(error)[:MAX_ERRORS]:
        path = path_of(value, detail)
        errors.setdefault(path, _wrong(path, _at(value, path), detail, model))
    return list(errors.values())


def details_of(error: ValidationError) -> list[ErrorDetails]:
    """pydantic's errors. A list is not called too short where its items are wrong."""
    details = error.errors(include_url=False)
    wrong_items = {detail["loc"][:-1] for detail in details}
    return [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in wrong_items]


def fields_at(model: type[Any], path: Iterable[Step]) -> list[str]:
    """The names of the fields that the model has at this path; empty where it accepts any name."""
    models = [model]
    annotations: list[Any] = []
    for step in path:
        inside = [
            info.annotation
            for section in models
            for name, info in fields_of(section).items()
            if step in (name, info.alias)
        ]
        annotations = inside or [item for annotation in annotations for item in _items(annotation)]
        models = [option for annotation in annotations for option in _options(annotation) if is_section(option)]
        annotations = [option for annotation in annotations for option in _options(annotation)]
    return [info.alias or name for section in models for name, info in fields_of(section).items()]


def _wrong(path: tuple[Step, ...], value: Any, detail: ErrorDetails, model: type[Any]) -> FieldError:
    kind, context = detail["type"], detail.get("ctx", {})
    if path in REMOVED_FIELDS:
        return FieldError(path, "is no longer a field", REMOVED_FIELDS[path])
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return FieldError(path, "unknown field", nearest(str(path[-1]), fields_at(model, path[:-1])))
    if kind == "missing":
        return FieldError(path, "is missing")
    if kind in NOUNS:
        return FieldError(path, f"must be {NOUNS[kind]}, not {_shown(value, path)}")
    if kind == "literal_error":
        return FieldError(path, f"must be {context['expected']}, not {_shown(value, path)}")
    if kind in ("value_error", "assertion_error"):
        return FieldError(path, str(context.get("error", detail["msg"])))
    text = detail["msg"].removeprefix("Input ").replace("Dictionary", "").replace("Tuple", "List")
    return FieldError(path, _lower(text.strip()))


def path_of(value: Any, detail: ErrorDetails) -> tuple[Step, ...]:
    """The error's path without the steps that pydantic adds for unions, tags and functions."""
    steps: list[Step] = []
    location = detail["loc"]
    for position, step in enumerate(location):
        if isinstance(value, dict) and str(step) in value:
            value, step = value[str(step)], str(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        elif not (detail["type"] == "missing" and position == len(location) - 1):
            continue
        steps.append(step)
    return tuple(steps)


def _at(value: Any, path: Iterable[Step]) -> Any:
    for step in path:
        if isinstance(value, dict):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
    return value


def _shown(value: Any, path: tuple[Step, ...]) -> str:
    if path and path[-1] in SECRETS:
        return KINDS.get(type(value), "a number")
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        text = repr(value)
        return text if len(text) <= 60 else text[:57] + "…" + text[-1]
    return KINDS.get(type(value), type(value).__name__)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _options(annotation: Any) -> Iterator[Any]:
    """The alternatives of an annotation: the members of a union, the type inside `Annotated`, or itself."""
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if origin in (Union, UnionType, Annotated):
        for argument in arguments:
            yield from _options(argument)
    else:
        yield annotation


def _items(annotation: Any) -> Iterator[Any]:
    """The element types of a dict or list annotation."""
    for option in _options(annotation):
        arguments = [argument for argument in get_args(option) if argument is not Ellipsis]
        if arguments:
            yield arguments[-1]


def validate(value: dict[str, Any], written: dict[str, Any]) -> tuple[ProjectFile | None, list[FieldError]]:
    """The file and the errors of its shape. With errors, the file is as complete as further checks need it.

    ``value`` has the environment filled in; ``written`` is the original, which errors quote. The file is ``None`` when
    nothing useful is left.
    """
    try:
        return ProjectFile.model_validate(value), []
    except ValidationError as error:
        return _with_placeholders(copy.deepcopy(value), error), field_errors(written, error, ProjectFile)


def independent(errors: Iterable[FieldError], earlier: Iterable[FieldError]) -> list[FieldError]:
    """Errors away from the places of earlier ones. An error at, in or around such a place may only be a consequence."""
    paths = [wrong.path for wrong in earlier]
    return [wrong for wrong in errors if not any(_nested(wrong.path, path) for path in paths)]


def _nested(prefix: tuple[Step, ...], path: tuple[Step, ...]) -> bool:
    shorter = min(len(prefix), len(path))
    return prefix[:shorter] == path[:shorter]


def _with_placeholders(value: dict[str, Any], error: ValidationError) -> ProjectFile | None:
    """The file with placeholders in place of invalid values. It is only checked, never compiled."""
    for _ in range(RECOVERY_ROUNDS):
        for detail in details_of(error):
            _replace(value, path_of(value, detail), _placeholder(detail))
        try:
            return ProjectFile.model_validate(value)
        except ValidationError as again:
            error = again
    return None


def _placeholder(detail: ErrorDetails) -> Any:
    kind = detail["type"]
    if kind == "literal_error":
        literal = FIRST_LITERAL.search(str(detail["ctx"]["expected"]))
        return (int(literal[2]) if literal[2] else literal[1]) if literal else CUT
    if kind.startswith(("int_", "float_", "decimal_", "greater_", "less_", "finite_")):
        return 1
    stand_in = PLACEHOLDERS.get(kind, CUT)
    return stand_in.copy() if isinstance(stand_in, dict | list) else stand_in


def _replace(value: Any, path: tuple[Step, ...], stand_in: Any) -> None:
    holder = value
    for step in path[:-1]:
        holder = holder.get(str(step)) if isinstance(holder, dict) else holder[int(step)]
    if not path:
        return
    if isinstance(holder, list):
        at = int(path[-1])
        holder[at : at + 1] = [1 if stand_in is CUT else stand_in]  # a missing item is appended
    elif isinstance(holder, dict) and stand_in is CUT:
        holder.pop(str(path[-1]), None)
    elif isinstance(holder, dict):
        holder[str(path[-1])] = stand_in
