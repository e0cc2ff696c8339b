"""Defines a decline with which a person let an experiment continue."""

import msgspec

from fairtrial.domain.decision.arms import Arm, Interval

Key = tuple[str, str]
"""A metric and a variant."""


class AcceptedDecline(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decline with which a person lets an experiment continue. Sizes are on the metric's scale.

    ``amount``: how much worse the treatment may be before it pauses again; ``None`` if an earlier version accepted it.
    ``decline``: how much worse it is in the last look, with the plain 95 % interval; ``None`` without enough data.
    ``kill_at``: what stops it for good. ``by`` and ``at_us``: who accepted it, and when.
    """

    metric: str
    variant: str
    amount: float | None = None
    decline: Interval | None = None
    arms: tuple[Arm, ...] = ()
    kill_at: float | None = None
    by: str = ""
    at_us: int = 0

    @property
    def key(self) -> Key:
        return self.metric, self.variant

    @property
    def is_beyond(self) -> bool:
        """Whether the plain interval lies beyond the amount; where units show no spread, the decline itself."""
        if self.decline is None or not self.amount:
            return not self.amount
        low = self.decline.value if self.decline.low is None else self.decline.low
        return low > self.amount
