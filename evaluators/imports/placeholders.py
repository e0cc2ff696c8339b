"""Translates ``{{name}}`` of other tools to a suite's ``$name``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

PLACE = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*")
CODE = re.compile(r"\{%|\{#")
MISSING = object()


def has_code(template: str) -> bool:
    """Whether the template has more than names: conditions, loops, filters or calls."""
    return bool(CODE.search(template)) or any(not PATH.fullmatch(place[1]) for place in PLACE.finditer(template))


def places(template: str) -> list[str]:
    """What stands inside each pair of braces."""
    return [place[1] for place in PLACE.finditer(template)]


def translated(template: str, column: Callable[[str], str]) -> str:
    """The template with a suite's names, which ``column`` gives; other dollars are doubled, so that they stay."""
    parts, end = [], 0
    for place in PLACE.finditer(template):
        parts += [template[end : place.start()].replace("$", "$$"), "${" + column(place[1]) + "}"]
        end = place.end()
    return "".join([*parts, template[end:].replace("$", "$$")])


def looked_up(path: str, values: Mapping[str, Any]) -> Any:
    """The value at a dotted path, or `MISSING`."""
    if path in values:
        return values[path]
    found: Any = values
    for step in re.findall(r"[\w-]+", path):
        if isinstance(found, Mapping) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return MISSING
    return found


def rendered(template: str, values: Mapping[str, Any]) -> Any:
    """The template with its values, or `MISSING` if one is unknown; one place alone keeps its type."""
    whole = PLACE.fullmatch(template.strip())
    if whole is not None:
        return looked_up(whole[1], values)
    parts, end = [], 0
    for place in PLACE.finditer(template):
        value = looked_up(place[1], values)
        if value is MISSING:
            return MISSING
        parts += [template[end : place.start()], as_text(value)]
        end = place.end()
    return "".join([*parts, template[end:]])


def js_text(value: Any) -> str:
    """A value as JavaScript writes it into a text."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return as_text(value)


def in_nunjucks(template: str, values: Mapping[str, Any]) -> Any:
    """The template with its values as promptfoo renders it, or `MISSING` for code, unknown names and objects."""
    if has_code(template):
        return MISSING
    found = {place: looked_up(place, values) for place in places(template)}
    if any(value is MISSING or isinstance(value, Mapping | list) for value in found.values()):
        return MISSING
    return PLACE.sub(lambda place: "" if found[place[1]] is None else js_text(found[place[1]]), template)


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
