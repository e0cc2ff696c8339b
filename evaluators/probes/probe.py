"""Defines a probe: one family of cases that it makes from the suite's own rows, from seed rows or from nothing.

The implementations are in `families/`; each module there defines ``probes: tuple[Probe, ...]``.
"""

from __future__ import annotations

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
    """What a family makes its cases from.

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
