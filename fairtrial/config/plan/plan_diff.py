"""Lists the fields in which two plans of the plan history differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_ABSENT = object()


def plan_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each differing field as ``path``, ``old`` and ``new``; ``None`` where a plan lacks the field.

    A deployment, a route or an experiment that only one plan has is one field.
    """
    return [{"path": path, "old": before, "new": after} for path, before, after in _differences("", old, new)]


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            inner = f"{path}.{name}" if path else name
            yield from _differences(inner, old.get(name, _ABSENT), new.get(name, _ABSENT))
    elif _named(old) is not None and _named(new) is not None:
        yield from _differences(path, _named(old), _named(new))
    elif old is _ABSENT or new is _ABSENT or old != new:
        yield path, None if old is _ABSENT else old, None if new is _ABSENT else new


def _named(value: Any) -> dict[str, Any] | None:
    """A list of objects with names, such as variants, by these names."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and "name" in one for one in value):
        return {one["name"]: one for one in value}
    return None
