"""Bounds a JSON schema before its translation: its depth, and its size with all references followed.

Translations write out ``$ref`` at each place that names it. A schema of two kilobytes can then become millions of
parts, and would delay all other requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.proxy.transport.litellm.values import brief, refused

PARTS = 10_000
DEPTH = 90
DEFINITIONS = ("$defs", "definitions")


def bounded_schema(schema: Any, where: str) -> dict[str, Any]:
    """The schema itself; `BadRequest` if it is not one, or is too large or too deep with its references followed."""
    if not isinstance(schema, dict):
        raise refused(where, f"is {brief(schema)}", "a JSON schema, an object", code="invalid_value")
    _Measure(schema, where).take(schema, 1, frozenset())
    return schema


class _Measure:
    """Follows every reference except those that lead back into themselves, and stops at the limit."""

    def __init__(self, schema: dict[str, Any], where: str) -> None:
        self._where = where
        self._left = PARTS
        self._named: dict[str, list[Any]] = {}
        for name, part in _definitions(schema):
            self._named.setdefault(name, []).append(part)

    def take(self, part: Any, depth: int, inside: frozenset[str]) -> None:
        self._left -= 1
        if self._left < 0:
            raise self._too(f"has more than {PARTS} parts once its references are followed")
        if depth > DEPTH:
            raise self._too(f"is deeper than {DEPTH} levels once its references are followed")
        if isinstance(part, list):
            for one in part:
                self.take(one, depth + 1, inside)
        elif isinstance(part, dict):
            for one in part.values():
                self.take(one, depth + 1, inside)
            name = _name(part.get("$ref"))
            if name in self._named and name not in inside:
                self.take(self._named[name], depth, inside | {name})

    def _too(self, wrong: str) -> Exception:
        return refused(self._where, wrong, "send a simpler schema", code="invalid_value")


def _definitions(schema: Any) -> Iterator[tuple[str, Any]]:
    """Each definition by its name, wherever it stands. It keeps its own stack, because no depth was checked yet."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            for key in DEFINITIONS:
                if isinstance(part.get(key), dict):
                    yield from part[key].items()
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _name(reference: Any) -> str:
    return reference.rpartition("/")[2] if isinstance(reference, str) else ""
