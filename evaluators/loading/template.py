"""Renders templates: ``$name`` or ``${name}`` becomes a value, ``$$`` a dollar; anything else, as ``$5``, stays."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

PLACE = re.compile(r"\$(?:(\$)|([A-Za-z_]\w*)|\{([A-Za-z_][\w.]*)\})")
MOST_CHARS = 1_000_000
MOST_VALUES = 10_000
WHOLE = re.compile(r"\$([A-Za-z_]\w*)")


class UnknownName(Exception):
    """A template names an unknown value; the message is the name."""


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fill in the values in one pass, so that dollars in values stay.

    Raises `UnknownName`, and `ValueError` for more than `MOST_CHARS` of values, because a template may repeat a name.
    """
    left = MOST_CHARS

    def fill(found: re.Match[str]) -> str:
        nonlocal left
        if found[1]:
            return "$"
        name = found[2] or found[3]
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
