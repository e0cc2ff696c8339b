"""Defines one metric of a frozen analysis plan: its role, margins, method and window."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from fairtrial.domain.metrics import Better, Method
from fairtrial.domain.settings import Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPlan:
    """One metric of a frozen plan.

    ``margin``, ``pause`` and ``stop`` are on the metric's scale, or shares of the control's ``level`` where
    ``relative``, ``pause_relative`` or ``stop_relative`` say so; the margin of a ``superior`` metric is its smallest
    detectable effect. ``pause`` is the decline that pauses, and ``stop`` the one that kills. ``within`` is the range
    of one unit's value. ``cap``: the requests of one unit that count, or the largest amount that counts in full.
    ``level``: the control's level from before the start, ``None`` until it is known; ``source`` says from where.
    ``from_us``: only units that were first exposed from then on decide. ``response``: the expected share of units that
    give feedback. ``missing``: what the others count as, unset for what is no feedback. ``earlier``: what a unit counts
    with that sent nothing in the 14 days before the start; it is set if amounts of these days explain a part of the
    variance (CUPED).
    """

    metric: str
    role: Literal["primary", "guardrail"]
    method: Method
    better: Better
    require: Literal["superior", "not_worse"]
    margin: float
    relative: bool = False
    stop: float = 0.0
    stop_relative: bool = False
    pause: float | None = None
    pause_relative: bool = False
    signal: Literal["kill", "pause"] = "kill"
    within: tuple[float, float] = (0.0, 1.0)
    window_seconds: float | None = None
    per: Literal["unit", "request"] = "unit"
    cap: float | None = None
    level: float | None = None
    source: str = ""
    from_us: int = 0
    response: float = 1.0
    missing: Missing | msgspec.UnsetType = msgspec.UNSET
    earlier: float | msgspec.UnsetType = msgspec.UNSET

    @property
    def counts_events(self) -> bool:
        """Whether a stop may be proven by the number of units with the event, which a margin in points can't be."""
        return self.method == "shares" and self.pause == 0

    @property
    def counts_requests(self) -> bool:
        """Whether it is a rate of requests, whose sums count bad requests; releases before 0.3.0 call it ``events``."""
        return self.method in ("events", "shares")

    @property
    def needs_level(self) -> bool:
        """Whether it can't decide before the control's level is known."""
        if self.method == "shares":
            return False
        relative = self.relative or (self.stop_relative and self.stop > 0) or (self.pause_relative and bool(self.pause))
        return relative or self.method in ("amount", "quantile")

    @property
    def measures_level(self) -> bool:
        """Whether the level is, or was, measured on the experiment's own first units."""
        return self.needs_level and (self.level is None or self.from_us > 0)

    @property
    def tau(self) -> float | None:
        """The standard deviation of the mixture, on the metric's scale; ``None`` while the level is unknown."""
        if self.method == "quantile":
            return None if self.level is None else 0.1 * self.level
        return self.margin_on_scale

    @property
    def margin_on_scale(self) -> float | None:
        """The margin on the metric's scale; ``None`` while the level that it refers to is unknown."""
        return self._on_scale(self.margin, self.relative)

    @property
    def stop_on_scale(self) -> float | None:
        """The margin that kills, on the metric's scale; ``None`` while the level that it refers to is unknown."""
        return self._on_scale(self.stop, self.stop_relative and self.stop > 0)

    @property
    def pause_on_scale(self) -> float | None:
        """The decline that pauses, on the metric's scale; ``None`` while the level that it refers to is unknown."""
        return None if self.pause is None else self._on_scale(self.pause, self.pause_relative and self.pause > 0)

    def _on_scale(self, value: float, relative: bool) -> float | None:
        return value if not relative else None if self.level is None else value * abs(self.level)

    @property
    def pauses_earlier(self) -> bool:
        """Whether a smaller decline than the one that kills pauses."""
        return self.pause is not None and (self.pause, self.pause_relative) != (self.stop, self.stop_relative)
