"""Defines a change of an experiment's state, and what caused it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

from fairtrial.domain.settings import ExperimentState, PersonsAction

Action = Literal[PersonsAction, "stage"]
Cause = Literal["worse", "models", "kept_away", "declined", "harmed", "person"]


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of an experiment's state.

    ``evidence``: what a rule or a promotion is based on, or the kill file; otherwise ``None``. ``plan_hash``: the plan
    that was in force before. ``segment``: the segment after it. ``at_us``: microseconds since 1970, UTC. ``stage``: the
    percent of the units that an approval allows or a stage enrolls.
    """

    experiment: str
    at_us: int
    action: Action
    from_state: ExperimentState
    to_state: ExperimentState
    segment: int
    actor: str
    why: str
    plan_hash: str
    evidence: Mapping[str, Any] | None = None
    stage: float | None = None


class ApprovedUnit(Struct, frozen=True):
    """A unit that an approval accepted instead of a stage."""

    unit: str


class ShownEvidence(Struct, frozen=True):
    """What is shown of the evidence of a change; ``missing``: what a promotion lacked, if ``override``."""

    accepted_units: tuple[ApprovedUnit, ...] = ()
    override: bool = False
    missing: tuple[str, ...] = ()
