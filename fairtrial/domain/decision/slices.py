"""Defines what is shown about one slice of an experiment: the units whose first request had the same tag."""

import msgspec

from fairtrial.domain.decision.arms import Arm, Interval


class SliceFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Treatment − control in one metric, among the units of one value of a tag.

    ``difference``: with its always-valid 95 % interval. ``worse``: whether e-BH finds the treatment worse there. It is
    shown and decides nothing. The units of an arm are all that it has in the slice.
    """

    tag: str
    value: str
    metric: str
    control: Arm
    treatment: Arm
    difference: Interval | None
    worse: bool
