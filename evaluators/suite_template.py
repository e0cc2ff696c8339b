"""Templates: ``$name`` or ``${name}`` becomes a value, ``$$`` a dollar, and anything else, such as ``$5``, stays."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

PLACE = re.compile(r"\$(?:(\$)|([A-Za-z_]\w*)|\{([A-Za-z_][\w.]*)\})")
WHOLE = re.compile(r"\$([A-Za-z_]\w*)")


class UnknownName(Exception):
    """A template names what isn't there; the message is the name."""


def render(template: str, values: Mapping[str, Any]) -> str:
    """The template with its values in one pass (a value's own dollars stay); raises `UnknownName`."""

    def fill(found: re.Match[str]) -> str:
        if found[1]:
            return "$"
        name = found[2] or found[3]
        if name not in values:
            raise UnknownName(name)
        return as_text(values[name])

    return PLACE.sub(fill, template)


def as_text(value: Any) -> str:
    """A value as a prompt shows it: text as it is, a list with commas, anything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ", ".join(as_text(item) for item in value)
    return json.dumps(value, ensure_ascii=False)


def fill_options(value: Any, variables: Mapping[str, Any]) -> Any:
    """A scorer's options with each text that is exactly ``$name`` replaced by that variable; raises `UnknownName`."""
    if isinstance(value, str) and (found := WHOLE.fullmatch(value)):
        if found[1] not in variables:
            raise UnknownName(found[1])
        return variables[found[1]]
    if isinstance(value, dict):
        return {key: fill_options(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_options(item, variables) for item in value]
    return value
