"""Defines what a look shows: about one metric of one treatment, and by week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from fairtrial.domain.estimates import Estimate, NotEnough

Answer = Literal["better", "not worse", "worse", "harm", "safe", "cannot tell"]
UNKNOWN_LEVEL = "the control's level is not known yet, so the margin is not fixed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look shows about one metric of one treatment.

    ``answer`` is that of this look alone. ``estimate`` is treatment − control with its always-valid interval, for
    readers. ``log_e`` is the evidence of what stops first: a decline that pauses, or harm. ``log_kill`` is the value at
    which a stop is proven. ``control`` and ``treatment`` are the levels of the arms. ``n`` counts the units behind the
    estimate. ``why`` says why nothing can be told, or is empty. ``information``: at a planned look, the share of the
    planned units. ``declined``: whether a decline that pauses is proven. ``log_harm``: the evidence of harm where it is
    not ``log_e``. ``weighed``: of a rate, the difference with each request weighing the same; ``vetoed``: whether that
    is proven to be worse than the margin. ``worst_case``: of feedback, the difference with all missing values at one
    extreme and at the other, and ``bounded``: whether that must agree; both are unset under rules 1 to 4.
    """

    metric: str
    variant: str
    role: Literal["primary", "guardrail"]
    answer: Answer
    estimate: Estimate | NotEnough
    control: float | None = None
    treatment: float | None = None
    log_e: float | None = None
    log_kill: float | None = None
    why: str = ""
    information: float | None = None
    declined: bool = False
    log_harm: float | None = None
    weighed: Estimate | NotEnough | None = None
    vetoed: bool = False
    worst_case: Estimate | NotEnough | UnsetType = UNSET
    bounded: bool | UnsetType = UNSET

    @property
    def harmed(self) -> bool:
        """Whether this look proves harm to a guardrail."""
        return self.answer == "harm"


class WeekEffect(msgspec.Struct, frozen=True):
    """Treatment − control in one week, with the 95 % interval for one look, and the units behind it.

    ``weight``: the precision, as the units of two equal arms would have it. The ends are ``None`` without spread.
    """

    value: float
    low: float | None
    high: float | None
    units: int
    weight: float


WeekEffects = tuple[WeekEffect | None, ...]


class EffectOverTime(msgspec.Struct, frozen=True):
    """The effect on the primary metric by week, ``None`` for a week without data of both arms.

    ``weeks`` begin with the plan, and ``ages`` with each unit's first exposure. ``next_week``: where a straight line
    through the weeks leads, ``None`` until two weeks have an effect. ``fades``: whether the last or the next week is
    worse. ``holds``: whether that, or too few weeks, keeps *better* from passing as the plan asks for it.
    """

    weeks: WeekEffects
    ages: WeekEffects
    next_week: float | None
    fades: bool
    holds: bool
