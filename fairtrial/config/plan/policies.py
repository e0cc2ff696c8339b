"""Reads what an experiment's file says beyond its plan: stages, duration and shadow traffic."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from fairtrial.config.file.schema import ExperimentSection


@dataclass(frozen=True, slots=True)
class Shadow:
    """A copy of ``percent`` of the traffic to one variant. ``max_usd_per_day`` of ``None`` means no limit."""

    variant: str
    percent: float
    max_usd_per_day: Decimal | None
    max_concurrency: int


@dataclass(frozen=True, slots=True)
class Policy:
    """How an experiment grows and ends. Only `fairtrial experiment plan` uses it, and reads ``max_weeks``.

    ``stages``: percent of the units, ascending; each waits for ``min_units`` and ``min_hours``. ``approve``: stages
    that need a person's approval. ``max_weeks``: how long it may last.
    """

    stages: tuple[float, ...]
    min_units: int
    min_hours: float
    approve: tuple[float, ...]
    max_weeks: int
    shadow: Shadow | None


def policy_of(section: ExperimentSection) -> Policy:
    """The policy of a valid section. Without ``enroll``, every unit is enrolled from the start."""
    enroll, shadow = section.enroll, section.shadow
    return Policy(
        stages=tuple(enroll.stages) if enroll else (100.0,),
        min_units=enroll.min_units if enroll else 0,
        min_hours=enroll.min_hours if enroll else 0.0,
        approve=tuple(enroll.approve) if enroll else (),
        max_weeks=section.max_weeks,
        shadow=Shadow(shadow.variant, shadow.percent, shadow.max_usd_per_day, shadow.max_concurrency)
        if shadow
        else None,
    )
