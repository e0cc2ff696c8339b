"""Defines what is true now, by which the freshness of a verdict is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fairtrial.config.releases import ReleaseGates
from fairtrial.domain.plan import Plan


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
