"""Defines what is known about the split of units, and about lost records."""

import msgspec


class ArmUnits(msgspec.Struct, frozen=True):
    """The units of one arm beside its planned share."""

    variant: str
    units: int
    planned: float


class ArmLost(msgspec.Struct, frozen=True):
    """The units and requests that one arm was assigned and whose records were never stored."""

    variant: str
    units: int
    requests: int


class LostRecords(msgspec.Struct, frozen=True):
    """The test whether the arms lost equally many units. ``crossed_us``: when a difference was first proven.

    ``p`` is always valid; ``differs``: whether it is small enough for an alarm.
    """

    crossed_us: int | None
    p: float
    differs: bool
    arms: tuple[ArmLost, ...]


class Split(msgspec.Struct, frozen=True):
    """The test of the planned split. ``crossed_us``: when it was first rejected. ``p`` is always valid.

    ``lost``: that of lost records; unset as long as nothing was lost. Either one makes the arms not ``balanced``.
    """

    balanced: bool
    crossed_us: int | None
    p: float
    arms: tuple[ArmUnits, ...]
    lost: LostRecords | msgspec.UnsetType = msgspec.UNSET
