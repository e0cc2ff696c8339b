"""Renders templates with ``$name`` as in suites, and translates ``{{name}}`` of other tools."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

PLACE = re.compile(r"\$(?:(\$)|([A-Za-z_]\w*)|\{([A-Za-z_][\w.]*)\})")
MOST_CHARS = 1_000_000
MOST_VALUES = 10_000
WHOLE = re.compile(r"\$([A-Za-z_]\w*)")
BRACES = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
DOTTED_NAME = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*")
CODE = re.compile(r"\{%|\{#")
MISSING = object()


class UnknownName(Exception):
    """A template names an unknown value; the message is the name."""


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fill in the values in one pass: ``$$`` becomes a dollar, and anything else, as ``$5``, stays.

    Raises `UnknownName`, and `ValueError` for more than `MOST_CHARS` of values, because a template may repeat a name.
    """
    left = MOST_CHARS

    def fill(match: re.Match[str]) -> str:
        nonlocal left
        if match[1]:
            return "$"
        name = match[2] or match[3]
        if name not in values:
            raise UnknownName(name)
        text = as_text(values[name])
        left -= len(text)
        if left < 0:
            raise ValueError(f"the prompt has more than {MOST_CHARS:,} characters after its names are filled in")
        return text

    return PLACE.sub(fill, template)


def as_text(value: Any) -> str:
    """A value as prompt text: text unchanged, a list separated by commas, anything else as JSON."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)  # the same as JSON, and much faster
    if isinstance(value, list | tuple):
        return ", ".join(as_text(item) for item in value)
    return json.dumps(value, ensure_ascii=False)


def fill_options(value: Any, variables: Mapping[str, Any]) -> Any:
    """A scorer's options with each text that is exactly ``$name`` replaced by that variable.

    Raises `UnknownName`, and `ValueError` for more than `MOST_VALUES` in total, because options may repeat a name.
    """
    sizes: dict[str, int] = {}
    left = MOST_VALUES

    def fill(value: Any) -> Any:
        nonlocal left
        if isinstance(value, str) and (match := WHOLE.fullmatch(value)):
            name = match[1]
            if name not in variables:
                raise UnknownName(name)
            sizes.setdefault(name, _size(variables[name]))
            left -= sizes[name]
            if left < 0:
                raise ValueError(f"the options have more than {MOST_VALUES:,} values after their names are filled in")
            return variables[name]
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        return [fill(item) for item in value] if isinstance(value, list) else value

    return fill(value)


def _size(value: Any) -> int:
    """The number of values in it, including nested ones."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_size, inside))


def has_code(template: str) -> bool:
    """Whether the template has more than names: conditions, loops, filters or calls."""
    return bool(CODE.search(template)) or any(
        not DOTTED_NAME.fullmatch(place[1]) for place in BRACES.finditer(template)
    )


def places(template: str) -> list[str]:
    """The content of each pair of braces."""
    return [place[1] for place in BRACES.finditer(template)]


def translated(template: str, column: Callable[[str], str]) -> str:
    """The template with a suite's names, which ``column`` gives; other dollars are doubled, so that they stay."""
    parts, end = [], 0
    for place in BRACES.finditer(template):
        parts += [template[end : place.start()].replace("$", "$$"), "${" + column(place[1]) + "}"]
        end = place.end()
    return "".join([*parts, template[end:].replace("$", "$$")])


def looked_up(path: str, values: Mapping[str, Any]) -> Any:
    """The value at a dotted path, or `MISSING`."""
    if path in values:
        return values[path]
    value: Any = values
    for step in re.findall(r"[\w-]+", path):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value


def rendered(template: str, values: Mapping[str, Any]) -> Any:
    """The template with its values; one place alone keeps its type. `MISSING` if one is unknown, or it is too long."""
    whole = BRACES.fullmatch(template.strip())
    if whole is not None:
        return looked_up(whole[1], values)
    known = {place: looked_up(place, values) for place in places(template)}
    return MISSING if MISSING in known.values() else _filled(template, {k: text_or_json(v) for k, v in known.items()})


def _filled(template: str, texts: Mapping[str, str]) -> Any:
    """The template with its texts, or `MISSING` beyond `MOST_CHARS` of them, because it may repeat a name."""
    if sum(len(texts[place]) for place in places(template)) > MOST_CHARS:
        return MISSING
    return BRACES.sub(lambda place: texts[place[1]], template)


def js_text(value: Any) -> str:
    """A value as JavaScript writes it into a text."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return text_or_json(value)


def in_nunjucks(template: str, values: Mapping[str, Any]) -> Any:
    """The template with its values as promptfoo renders it.

    `MISSING` for code, unknown names, objects and texts that are too long.
    """
    if has_code(template):
        return MISSING
    known = {place: looked_up(place, values) for place in places(template)}
    if any(value is MISSING or isinstance(value, Mapping | list) for value in known.values()):
        return MISSING
    return _filled(template, {place: "" if value is None else js_text(value) for place, value in known.items()})


def text_or_json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
