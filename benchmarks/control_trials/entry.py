"""Defines an entry: suites and a gate, how candidate and base answer, other evidence, and the label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from fairtrial.domain.run import Case

Row = Mapping[str, Any]
Model = Callable[[Sequence[Case], int], list[str]]
"""(cases, repeat) → the answers to these cases."""
Label = Literal["content", "form"]
Primary = Literal["feedback", "errors", "none"]
"""What the primary metric of the frozen plan counts; all of these plans have a guardrail on errors."""


@dataclass(frozen=True, slots=True)
class Written:
    """A suite as text: ``score`` is the YAML of its scorers, ``more`` further keys, ``files`` other files by name."""

    rows: Sequence[Row]
    score: str
    gate: tuple[str, ...]
    more: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shipped:
    """A suite or a gate of the repository, by its path."""

    path: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What `fairtrial import` makes of these files, by their names."""

    source: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One gate whose candidate would SHIP, with its label.

    ``require``: lines of the gate besides those of its suites. ``won``, ``lost`` and ``ties``: reviewed pairs.
    ``primary``: that of the experiment whose evidence the gate reads, ``None`` for a gate without one.
    """

    name: str
    suites: tuple[Written | Shipped | Imported, ...]
    candidate: Model
    base: Model
    label: Label
    why: str
    require: tuple[str, ...] = ()
    won: int = 0
    lost: int = 0
    ties: int = 0
    primary: Primary | None = None


def _entry(
    label: Label,
    name: str,
    suites: Written | Shipped | Imported | tuple[Written | Shipped | Imported, ...],
    candidate: Model,
    base: Model,
    why: str,
    **evidence: Any,
) -> Entry:
    """An entry with one suite or several."""
    return Entry(name, suites if isinstance(suites, tuple) else (suites,), candidate, base, label, why, **evidence)


content = partial(_entry, "content")
"""An entry whose gate has a line that only answers to the right questions pass."""
form = partial(_entry, "form")
"""An entry whose gate has no such line."""
