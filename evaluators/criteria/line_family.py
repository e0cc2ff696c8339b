"""Defines a family of gate lines whose evidence does not come from runs of suites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evaluators.criteria.grammar import GateLine
from fairtrial.domain.registry import Registry


@dataclass(frozen=True, slots=True)
class LineFamily:
    """A family, named by its module. The metrics of its lines begin with that name and a dot.

    ``evidence``: what it rests on, in words. ``validate``: the problem of a line and a hint, or ``None`` if it is
    valid. ``populations``: whether its lines may name the reviewers to which they generalise.
    """

    evidence: str
    validate: Callable[[GateLine], tuple[str, str] | None]
    populations: bool = False


FAMILIES = Registry("evaluators.gate.families", "family", noun="family of gate lines", kind=LineFamily)
