"""Defines a probe, a family of cases made from rows, seed rows or nothing, and reads a row's text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Kind = Literal[
    "adversarial", "out_of_domain", "ambiguous", "invariance", "directional", "functionality", "memorisation"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
OWN_ROWS: frozenset[Kind] = frozenset({"invariance", "directional"})
"""The kinds whose cases are changed copies of the suite's own cases, which the suite asks as well."""
ORIGINAL = "original_id"
"""The column of a changed copy with the id of the case that it was made from."""


@dataclass(frozen=True, slots=True)
class Source:
    """The input from which a family makes its cases.

    ``count``: how many cases at most. ``rows``: the suite's own rows, flat, each with ``id``, with ``messages`` or the
    text in ``column``, and with ``expected`` if it has a reference. ``files``: the rows of each file that an option
    names.
    """

    seed: int
    count: int
    rows: tuple[Mapping[str, Any], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    column: str = "input"


@dataclass(frozen=True, slots=True)
class Probe:
    """One family of cases.

    ``name`` is snake_case, and is the tag ``family`` of each case. ``rows`` returns rows of a suite: ``id``, ``input``
    or ``messages``, ``expected`` if there is a reference, and ``family``, ``technique``, ``severity`` and ``seed_id``.
    The same source gives the same rows on every Python version. ``score``: the entries of ``score`` that measure these
    cases; entries of equal name are one scorer in a suite, so their options must be equal. ``options`` maps each
    option to one sentence; ``files`` are those that name a file of rows. ``phrase``: how a suite may ask for the
    family besides ``family``, such as ``abstain on``; ``short``: the option that a file after the phrase sets.
    """

    name: str
    kind: Kind
    summary: str
    rows: Callable[[Source], list[dict[str, Any]]]
    score: Sequence[Mapping[str, Any]] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    phrase: str = ""
    short: str = ""


def ask(source: Source, text: str) -> dict[str, Any]:
    """The columns that put a text into the suite's own form: after the same system message, or in its template."""
    first = source.rows[0] if source.rows else {}
    before = [
        dict(message) for message in first.get("messages") or () if message.get("role") in ("system", "developer")
    ]
    return {"messages": [*before, {"role": "user", "content": text}]} if "messages" in first else {source.column: text}


def text_of(source: Source, row: Mapping[str, Any]) -> str:
    """The row's text: its last user message, or its column; empty if it has none."""
    for message in reversed(row.get("messages") or ()):
        if message.get("role") == "user" and isinstance(message.get("content"), str):
            return str(message["content"])
    value = row.get(source.column)
    return value if isinstance(value, str) else ""


def with_text(source: Source, row: Mapping[str, Any], text: str) -> dict[str, Any]:
    """A copy of the row with another text in the same place."""
    if "messages" not in row:
        return {**row, source.column: text}
    messages = [dict(turn) for turn in row["messages"]]
    for message in reversed(messages):
        if message.get("role") == "user" and isinstance(message.get("content"), str):
            message["content"] = text
            break
    return {**row, "messages": messages}
