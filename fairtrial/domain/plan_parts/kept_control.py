"""Defines the control that stays for a time after a promotion."""

from __future__ import annotations

from dataclasses import dataclass, field

from fairtrial.domain.plan_parts.field_marks import CONTROL_ONLY


@dataclass(frozen=True, slots=True)
class KeptControl:
    """A part of the control's units that stays on the control until ``until_us`` (microseconds since 1970, UTC).

    ``variant`` was promoted and gets all other units. The control keeps the units whose arm bucket is in the ``share``
    percent from ``first`` percent on. ``after``: the segment before the promotion, whose salt still assigns. ``days``:
    how long the control stays. ``finds``: after how many units harm is found.
    """

    variant: str
    share: float
    first: float
    until_us: int
    after: int
    days: float = field(default=0.0, metadata=CONTROL_ONLY)
    finds: tuple[str, ...] = field(default=(), metadata=CONTROL_ONLY)
