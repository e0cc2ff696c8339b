"""Templates: ``$name`` or ``${name}`` becomes a value, ``$$`` a dollar, and anything else, such as ``$5``, stays."""

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
    """A template names what isn't there; the message is the name."""


def render(template: str, values: Mapping[str, Any]) -> str:
    """The template with its values in one pass (a value's own dollars stay).

    Raises `UnknownName`, and `ValueError` for more than `MOST_CHARS` of values: a template may name one many times.
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
            raise ValueError(f"what is asked has more than {MOST_CHARS:,} characters once its names are filled in")
        return text

    return PLACE.sub(fill, template)


def as_text(value: Any) -> str:
    """A value as a prompt shows it: text as it is, a list with commas, anything else as JSON."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)  # as JSON has it, and much faster
    if isinstance(value, list | tuple):
        return ", ".join(as_text(item) for item in value)
    return json.dumps(value, ensure_ascii=False)


def fill_options(value: Any, variables: Mapping[str, Any]) -> Any:
    """A scorer's options with each text that is exactly ``$name`` replaced by that variable.

    Raises `UnknownName`, and `ValueError` for more than `MOST_VALUES` in all: the options may name one many times.
    """
    sizes: dict[str, int] = {}
    left = MOST_VALUES

    def fill(value: Any) -> Any:
        nonlocal left
        if isinstance(value, str) and (found := WHOLE.fullmatch(value)):
            name = found[1]
            if name not in variables:
                raise UnknownName(name)
            sizes.setdefault(name, _size(variables[name]))
            left -= sizes[name]
            if left < 0:
                raise ValueError(f"the options have more than {MOST_VALUES:,} values once their names are filled in")
            return variables[name]
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        return [fill(item) for item in value] if isinstance(value, list) else value

    return fill(value)


def _size(value: Any) -> int:
    """How many values there are in it."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_size, inside))
