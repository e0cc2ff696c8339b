"""Declares what operations know of the present: the published plan, and what makes a verdict stale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fairtrial.config.plan.live_state import Live
from fairtrial.config.releases import ReleaseGates
from fairtrial.domain.errors import Unavailable
from fairtrial.domain.plan import Plan, Published


class Publisher(Protocol):
    """Publishes the plan with the live state that is in the store."""

    published: Published | None
    refused: str | None
    release_gates: ReleaseGates
    kills_recorded_us: dict[str, int]
    """When the newest kill file of each experiment was recorded."""

    def declared_plan(self, coming: Mapping[str, Live] | None = None) -> Plan:
        """The plan that the file declares now, with the states of the store, or those that are ``coming``."""

    def refresh(self, *, keys_changed: bool = False, changed_by: str | None = None) -> bool:
        """Publish changes, if there are any."""


def published_plan(publisher: Publisher) -> Plan:
    """The plan in force; raises `Unavailable` if there is none."""
    if publisher.published is None:
        raise Unavailable("experiments: no plan is published yet")
    return publisher.published.plan


@dataclass(frozen=True, slots=True)
class Present:
    """What is true now. ``release_gates``: the official gates. ``probed``: target → a fingerprint just seen.

    ``held``: as in `StepTime`.
    """

    plan: Plan
    release_gates: ReleaseGates
    now_us: int
    probed: Mapping[str, str] = field(default_factory=dict)
    held: str = ""
