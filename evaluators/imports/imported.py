"""Defines what an evaluation from elsewhere becomes: suites with their rows, and a list of all its criteria."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fairtrial.domain.errors import UsageError

Outcome = Literal["equal", "near", "missing"]
OUTCOMES: tuple[Outcome, ...] = ("equal", "near", "missing")
NOT_NAME = re.compile(r"[^A-Za-z0-9_]+")
CHECKS = "checks"
"""The column, and the tag, that lists the scorers which measure a row."""
SPECIAL = frozenset({"id", "messages", "metadata", "assistant_prefix", "completion", CHECKS})
"""Columns with a meaning of their own in a suite, which an imported column must not get."""


class ImportRefused(UsageError):
    """A file that can't be imported; the message names the file and the reason in one line."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of the original, as the report lists it.

    ``original``: its whole text, which is never dropped. ``scorer``: the name of the scorer that measures it here.
    ``note``: the difference from the original, or why there is no scorer.
    """

    name: str
    original: str
    outcome: Outcome
    scorer: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ImportedSuite:
    """One suite: ``score`` are entries as a suite's file has them, ``messages`` templates of its prompt.

    Without ``messages``, each row has its own. ``stubs``: the name of an own scorer → the original's code.
    """

    name: str
    description: str
    rows: tuple[Mapping[str, Any], ...]
    messages: tuple[Mapping[str, str], ...]
    params: Mapping[str, Any]
    score: tuple[Mapping[str, Any], ...]
    gate: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    stubs: Mapping[str, str] = field(default_factory=dict)


def named(text: str, *, otherwise: str) -> str:
    """A name for a suite, a scorer or a column, made of letters, digits and underscores."""
    name = NOT_NAME.sub("_", text).strip("_")[:60].strip("_")
    if not name:
        return otherwise
    return name if name[0].isalpha() else f"{otherwise}_{name}"


def distinct(name: str, used: Iterable[str]) -> str:
    """The name, with a number if it is in use."""
    taken, number, found = set(used), 2, name
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def column_named(text: str) -> str:
    """The column for a name of the original; names with a meaning of their own get a prefix."""
    name = named(text, otherwise="column")
    return f"original_{name}" if name in SPECIAL else name


def as_original(value: Any) -> str:
    """A part of the original as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
