"""Warns about keys in `fairtrial.yaml` that are valid but have no effect in this version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairtrial.config.file.yaml_file import Document, Step
from fairtrial.domain.errors import Diagnostic

Path = tuple[Step, ...]
ANY = "*"
NOTHING = "nothing in this version acts on it"
INERT: Mapping[str, str] = {
    "deployments.*.price.gpu_hour": f"{NOTHING}: the cost of a request stays unknown",
    "metrics.*.per": f"{NOTHING}: units are averaged, each by its own mean",
    "experiments.*.shadow": f"{NOTHING}: no request is copied",
}
"""Keys, with `*` for a name or a list entry, and what to know. A key also covers everything inside it."""

DECIDED = "the primary metric decides by itself, so a guardrail on it stops nothing"


def project_warnings(document: Document) -> list[Diagnostic]:
    """All warnings, in the order of the file. Each key is reported once, at its first place."""
    return sorted([*_inert_keys(document), *_guarded_primaries(document)])


def _inert_keys(document: Document) -> Iterator[Diagnostic]:
    for pattern, says in INERT.items():
        places = list(_places(document.value, tuple(pattern.split("."))))
        if places:
            yield document.diagnostic(places[0], says, _others(len(places) - 1))


def _guarded_primaries(document: Document) -> Iterator[Diagnostic]:
    """Guardrails on the primary metric, which stop nothing."""
    for place in _places(document.value, ("experiments", ANY, "guardrails", ANY, "metric")):
        primary = _at(document.value, place[:2]).get("primary")
        if isinstance(primary, dict) and primary.get("metric") == _at(document.value, place):
            yield document.diagnostic(place, DECIDED, "requests.attempt_error_rate also counts failures")


def _others(number: int) -> str:
    return f"and at {number} other place{'' if number == 1 else 's'}" if number else ""


def _places(value: Any, pattern: Path, path: Path = ()) -> Iterator[Path]:
    """Every place in the file that matches the pattern."""
    if not pattern:
        yield path
        return
    step, rest = pattern[0], pattern[1:]
    for key in _keys(value) if step == ANY else [key for key in _keys(value) if key == step]:
        yield from _places(value[key], rest, (*path, key))


def _keys(value: Any) -> list[Step]:
    if isinstance(value, dict):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value
