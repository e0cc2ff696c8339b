"""Describes the settings of a file from the models that read it: names, defaults and meanings."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from fairtrial.config.file.schema import fields_of, is_section

if typing.TYPE_CHECKING:
    from pydantic.fields import FieldInfo

LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
STEPS = {dict: ".<name>", list: ".<n>", tuple: ".<n>"}


@dataclass(frozen=True, slots=True)
class DefaultSetting:
    """A setting that the file leaves out, by its path in the reference. ``default`` is empty if it then has no value.

    ``entries``: those that leave it out, such as one of the deployments; empty if all do.
    """

    setting: str
    default: str
    meaning: str
    entries: tuple[str, ...]


def defaults_of(section: type[Any], entries: Mapping[str, Any], path: str = "") -> Iterator[DefaultSetting]:
    """The settings that the valid ``entries`` of a section leave out. ``entries``: their values in the file, by name.

    It descends into a section that the file leaves out only if the section has defaults of its own.
    """
    meanings = meanings_of(section)
    for name, field in fields_of(section).items():
        key = field.alias or name
        values = {entry: value.get(key) for entry, value in entries.items()}
        if is_section(type(field.default)):
            values = {entry: value or {} for entry, value in values.items()}
        absent = tuple(entry for entry, value in values.items() if value is None)
        if absent and not field.is_required():
            meaning = " ".join(LINK.sub(r"\1", meanings[name]).split())
            some = absent if len(absent) < len(entries) else ()
            yield DefaultSetting(path + key, default_text(field), meaning, some)
        inner, step = section_in(field.annotation)
        if inner is not None and len(absent) < len(entries):
            given = (
                (entry, *each)
                for entry, value in values.items()
                if value is not None
                for each in _sections(value, step)
            )
            named = {f"{entry}.{each}".strip("."): value for entry, each, value in given}
            yield from defaults_of(inner, named, f"{path}{key}{step}.")


def _sections(value: Any, step: str) -> Iterable[tuple[Any, Any]]:
    """The sections in the value of a field, each with its name or place."""
    return value.items() if step == STEPS[dict] else enumerate(value) if step else (("", value),)


def meanings_of(model: type[Any]) -> dict[str, str]:
    """The texts below the fields. Reading source is slow, so only commands and pages that show them call this."""
    found = {}
    for section in reversed([one for one in model.__mro__ if is_section(one) and one is not BaseModel]):
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
        for field, text in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(meaning))):
                    found[name] = inspect.cleandoc(meaning)
    return found


def section_in(annotation: Any) -> tuple[type[Any] | None, str]:
    """The section inside of a type, and how a path goes on to it."""
    if is_section(annotation):
        return annotation, ""
    step, inside = STEPS.get(typing.get_origin(annotation), ""), map(section_in, typing.get_args(annotation))
    return next(((section, step + rest) for section, rest in inside if section is not None), (None, ""))


def default_text(field: FieldInfo) -> str:
    """The default as the file would state it; empty where there is none."""
    is_empty = field.default in (PydanticUndefined, None, {}, [], (), "") or is_section(type(field.default))
    return "" if is_empty else value_text(field.default)


def value_text(value: Any) -> str:
    """A value as the file would state it."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return f"{value:.10g}" if isinstance(value, float) else str(value).lower() if value in (True, False) else str(value)
