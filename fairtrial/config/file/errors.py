"""From pydantic's errors to mistakes: where in the file, what is wrong in plain words, and the nearest known name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fairtrial.config.file.yaml_file import Document, Step
from fairtrial.domain.errors import Mistake

MOST_SHOWN = 12
MOST_MISTAKES = 100
"""So many mistakes of one kind of check are said; whoever corrects them sees the rest."""
MOST_COMPARED = 200
SECRETS = ("api_key",)
"""Fields whose values no message quotes: it would go to logs, the audit trail and the dashboard."""
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
    "model_attributes_type": "a mapping of names to values",
}
KINDS: Mapping[type, str] = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", type(None): "empty"}


@dataclass(frozen=True, slots=True)
class Wrong:
    """A mistake that a check has found, before it is known on which line it stands."""

    path: tuple[Step, ...]
    wrong: str
    known: str = ""

    def at(self, document: Document) -> Mistake:
        """The same with its file and line."""
        return document.mistake(self.path, self.wrong, self.known)


def mistakes_of(document: Document, error: ValidationError, model: type[BaseModel]) -> list[Mistake]:
    """Every error of validating this document as this model, each at its line, none twice."""
    return sorted({wrong.at(document) for wrong in wrongs_of(document.value, error, model)})


def wrongs_of(value: Any, error: ValidationError, model: type[BaseModel]) -> list[Wrong]:
    """The same without lines; ``value`` is what is written, from which values are quoted (not the environment's)."""
    found: dict[tuple[Step, ...], Wrong] = {}
    for detail in error.errors(include_url=False, include_context=True)[:MOST_MISTAKES]:
        path = path_of(value, detail)
        found.setdefault(path, _wrong(path, _at(value, path), detail, model))
    return list(found.values())


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?``, or all that is known when nothing is near."""
    names = sorted(known)
    near = get_close_matches(name[:100], names[:MOST_COMPARED], n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return f"known: {', '.join(names[:MOST_SHOWN])}{more}" if names else "there are none"


def fields_at(model: type[BaseModel], path: Iterable[Step]) -> list[str]:
    """The fields, as they are written, that the model knows at this path; empty where it knows no names."""
    models = [model]
    annotations: list[Any] = []
    for step in path:
        inside = [
            info.annotation for one in models for name, info in one.model_fields.items() if step in (name, info.alias)
        ]
        annotations = inside or [item for annotation in annotations for item in _items(annotation)]
        models = [one for annotation in annotations for one in _models(annotation)]
        annotations = [option for annotation in annotations for option in _options(annotation)]
    return [info.alias or name for one in models for name, info in one.model_fields.items()]


def _wrong(path: tuple[Step, ...], value: Any, detail: ErrorDetails, model: type[BaseModel]) -> Wrong:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return Wrong(path, "unknown field", nearest(str(path[-1]), fields_at(model, path[:-1])))
    if kind == "missing":
        return Wrong(path, "is missing")
    if kind in NOUNS:
        return Wrong(path, f"must be {NOUNS[kind]}, not {_shown(value, path)}")
    if kind == "literal_error":
        return Wrong(path, f"must be {context['expected']}, not {_shown(value, path)}")
    if kind in ("value_error", "assertion_error"):
        return Wrong(path, str(context.get("error", detail["msg"])))
    return Wrong(path, _lower(detail["msg"].removeprefix("Input ").replace("Dictionary", "").strip()))


def path_of(value: Any, detail: ErrorDetails) -> tuple[Step, ...]:
    """The error's place without the steps that pydantic adds for unions, tags and functions."""
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
        elif isinstance(value, list) and isinstance(step, int):
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
    """What an annotation can be: the members of a union, the inside of `Annotated`, or itself."""
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if origin in (Union, UnionType, Annotated):
        for argument in arguments:
            yield from _options(argument)
    else:
        yield annotation


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            yield option


def _items(annotation: Any) -> Iterator[Any]:
    """What is inside a dict or a list of that annotation."""
    for option in _options(annotation):
        arguments = get_args(option)
        if arguments:
            yield arguments[-1]
