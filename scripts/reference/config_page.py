"""Renders docs/reference/config.md from the models that read `fairtrial.yaml`: every setting."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Union

from pydantic.fields import FieldInfo

from fairtrial.config.file.schema import ProjectFile, fields_of
from fairtrial.config.file.setting_docs import default_text, meanings_of, section_in, value_text
from fairtrial.config.file.yaml_file import load_one
from fairtrial.config.project import ANY, INERT
from scripts.reference.markdown import block, code, page, paragraphs, prose, table

EXAMPLE = Path(__file__).parents[2] / "docs/reference/examples/every-setting.yaml"
INTRO = """\
One file says what is served, to whom, and which question the experiment answers. Unknown fields are errors. `${NAME}`
reads the environment, and a variable that is not set is an error. `fairtrial check` prints every error with file and
line, what is wrong, and what is known. `check` and `fairtrial up` warn of settings that have no effect yet, which are
marked below. A `system_prompt` must be in this file's folder or below it, and links may not lead out. YAML is read by
version 1.2: `yes`, `no` and `on` are words.

In the paths below, `<name>` is a name that you choose, and `<n>` an entry of a list."""
WORDS = {str: "text", int: "whole number", float: "number", bool: "yes or no", Decimal: "number"}


def config_page() -> str:
    """The page."""
    example = load_one(EXAMPLE).value
    sections = [_section(path, model, example) for path, model in _models("", ProjectFile)]
    whole = block("yaml", EXAMPLE.read_text(encoding="utf-8"))
    return page("fairtrial.yaml", INTRO, "## A file with every setting", whole, *sections)


def settings() -> Iterator[str]:
    """The path of every setting, such as ``deployments.<name>.model``."""
    for path, model in _models("", ProjectFile):
        for name, field in fields_of(model).items():
            yield _join(path, field.alias or name)


def _models(path: str, model: type[Any]) -> Iterator[tuple[str, type[Any]]]:
    """Every section with the path to it, in the order of the file."""
    yield path, model
    for name, field in fields_of(model).items():
        inner, step = section_in(field.annotation)
        if inner is not None:
            yield from _models(_join(path, (field.alias or name) + step), inner)


def _section(path: str, model: type[Any], example: Any) -> str:
    """A section's table. Fields of its base come last."""
    heading = f"## {code(path)}" if path else "## The top level"
    meanings = meanings_of(model)
    rows = [
        (
            code(_join(path, field.alias or name)),
            _type(field),
            _default(field),
            prose(meanings[name]) + _effect(_join(path, field.alias or name)),
            _example(_join(path, field.alias or name), example),
        )
        for name, field in sorted(fields_of(model).items(), key=lambda one: one[0] not in model.__annotations__)
    ]
    return "\n\n".join(
        [heading, *paragraphs(model.__doc__), table(("setting", "type", "default", "meaning", "example"), rows)]
    )


def _effect(path: str) -> str:
    """What `check` and `up` warn of, for a setting that nothing acts on."""
    pattern = path.replace("<name>", ANY).replace("<n>", ANY)
    inert = [says for key, says in INERT.items() if pattern == key or pattern.startswith(f"{key}.")]
    return f" **No effect yet**: {inert[0]}." if inert else ""


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _type(field: FieldInfo) -> str:
    limits = {type(one).__name__: one for one in field.metadata}
    return _word(field.annotation) + _limits(limits)


def _limits(limits: dict[str, Any]) -> str:
    parts = [f"above {limits['Gt'].gt}"] if "Gt" in limits else []
    if "Ge" in limits and "Le" in limits:
        parts.append(f"{limits['Ge'].ge} to {limits['Le'].le}")
    elif "Ge" in limits:
        parts.append(f"at least {limits['Ge'].ge}")
    elif "Le" in limits:
        parts.append(f"at most {limits['Le'].le}")
    return f" ({', '.join(parts)})" if parts else ""


def _word(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in WORDS:
        return WORDS[annotation]
    if annotation is Any:
        return "any value"
    if origin is Literal:
        return " or ".join(code(value) for value in arguments)
    if origin is typing.Annotated:
        return _word(arguments[0])
    if origin in (dict, Mapping):
        return f"{_word(arguments[1])}, by name"
    if origin in (list, tuple):
        return f"list of {_word(arguments[0])}"
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_word(one) for one in arguments if one is not type(None)))
    return "section"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**needed**"
    text = default_text(field)
    return code(text) if text else "–"


def _example(path: str, example: Any) -> str:
    """What the example has there: the first that is found."""
    found = next(_values(example, path.split(".")), None)
    if found is None or isinstance(found, dict) or (isinstance(found, list) and isinstance(found[0], dict)):
        return "above" if found is not None else ""
    return code(value_text(found))


def _values(value: Any, steps: list[str]) -> Iterator[Any]:
    if not steps:
        yield value
    elif steps[0] in ("<name>", "<n>"):
        for inside in value.values() if isinstance(value, dict) else value or []:
            yield from _values(inside, steps[1:])
    elif isinstance(value, dict) and steps[0] in value:
        yield from _values(value[steps[0]], steps[1:])
