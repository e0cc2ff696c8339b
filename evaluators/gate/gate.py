"""Defines a parsed gate: its suites, the rules on their runs, and the lines on other evidence."""

from dataclasses import dataclass
from pathlib import Path

from evaluators.criteria.grammar import GateLine, Rule
from evaluators.suite import Suite
from fairtrial.domain.accounts import Role
from fairtrial.domain.errors import Diagnostic

DEFAULT_MAX_AGE = 14 * 86_400.0
"""Seconds after which a run is too old to decide, unless the gate says otherwise."""
ExternalLine = tuple[str, GateLine]
"""A line, as text and parsed, whose evidence does not come from a run."""
Listed = tuple[str, Suite]
"""The name or path under which a gate lists a suite, and the suite."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A parsed gate: its suites, the rules on their runs, and the lines on other evidence.

    ``notices``: keys and lines, here and in the suites, that have no effect in this version. ``listed``: the name or
    path by which the gate lists each suite. ``unplaced``: lines of the gate that no known suite measures, while one of
    its suites is unknown. ``experiment``: the one whose frozen plan decides the live lines. ``max_age_seconds``: how
    old a run may be. ``approvers``: the roles that must approve a SHIP. ``self_approval``: whether the approval of the
    person who asked or promotes counts.
    """

    name: str
    path: Path
    suites: tuple[Suite, ...]
    rules: tuple[Rule, ...]
    external: tuple[ExternalLine, ...] = ()
    notices: tuple[Diagnostic, ...] = ()
    listed: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    experiment: str | None = None
    max_age_seconds: float = DEFAULT_MAX_AGE
    approvers: tuple[Role, ...] = ()
    self_approval: bool = False
