"""Bounds how deep a value may be, because code that follows its levels would fail on deeper ones."""

from collections.abc import Iterable
from typing import Any

DEEPEST = 100
"""Levels of a value from a file."""


def is_deep(value: Any) -> bool:
    """Whether a value of JSON has more than `DEEPEST` levels."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [inner for container in level for inner in _inside(container)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    """The objects and lists that are directly inside an object or a list."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [inner for inner in items if isinstance(inner, dict | list)]
