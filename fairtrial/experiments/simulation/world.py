"""Defines the world of a simulation: how users arrive, what each arm does to them, and what people do when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Habit = Literal["one", "uniform", "heavy", "all"]
"""How many requests a unit sends: one; any number up to the most, equally likely; few, but sometimes very many; or
always the most.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The truth about one arm.

    ``levels``: the mean of each feedback metric at the start. ``response``: the share of units that give feedback.
    ``silent``: how many fewer do; ``silent_first`` says whether those who would give the lowest value leave first.
    ``late_days``: the mean time until feedback comes, exponentially distributed. ``errors``: the share of requests that
    fail; it is ``errors_before`` until this arm has ``healthy`` units. ``cost``: US dollars of a request, on average.
    ``runaway``: the share of units whose requests cost ``runaway_times`` as much. ``latency_ms``: the mean latency.
    """

    levels: Mapping[str, float] = field(default_factory=dict)
    response: float = 1.0
    silent: float = 0.0
    silent_first: bool = False
    late_days: float = 0.0
    errors: float = 0.0
    errors_before: float = 0.0
    healthy: int = 0
    cost: float = 0.01
    runaway: float = 0.0
    runaway_times: float = 25.0
    latency_ms: float = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The units and the arms.

    ``per_week``: new units a week that are in the experiment at its last stage. ``arms``: by variant. ``habit`` and
    ``most``: the requests of one unit, which fall into the ``active_days`` after its first. ``trend``: by how much the
    level of every feedback metric changes in a week, in all arms.
    """

    per_week: float
    arms: Mapping[str, Arm]
    habit: Habit = "one"
    most: int = 1
    active_days: float = 14.0
    trend: float = 0.0

    def __post_init__(self) -> None:
        if not (self.per_week > 0 and self.most >= 1 and self.active_days > 0):
            raise ValueError("a simulation needs units, and each needs a request")


@dataclass(frozen=True, slots=True)
class Event:
    """What a person does after so many days: stop it, start it again with new units, or change the smallest effect."""

    day: float
    do: Literal["kill", "rearm", "amend"]
    mde: str = ""
