"""Defines the odds of a gate: how often it would ship and block a model that equals the base."""

from dataclasses import dataclass

from fairtrial.domain.estimates import Estimate

ASSUMED = "assumed"
"""The method of a share that is assumed, not measured."""


@dataclass(frozen=True, slots=True)
class Odds:
    """How often an identical model would SHIP: a share of trials, with ``cases`` in the gate's largest suite.

    ``discordance``: the share of cases that differ, with its 95 % interval, or assumed. ``more_cases``: how many cases
    would raise the odds to ``more_ship``, at least 0.9; ``None`` if they are that high already, or no number would.
    ``block``: how often it would BLOCK; ``None`` from an earlier version. The bounds of both shares are those of a 90 %
    interval. They show how much the odds vary between runs of the same two models.
    """

    ship: float
    cases: int
    discordance: Estimate
    more_cases: int | None = None
    more_ship: float | None = None
    block: float | None = None
    ship_low: float | None = None
    ship_high: float | None = None
    block_low: float | None = None
    block_high: float | None = None

    def __str__(self) -> str:
        """``an identical model would SHIP in about 39 of 100 trials (25 to 55) and BLOCK in 1 (0 to 3); with …``."""
        text = f"an identical model would SHIP in about {round(100 * self.ship)} of 100 trials"
        if self.block is not None:
            text += _interval(self.ship_low, self.ship_high)
            text += f" and BLOCK in {round(100 * self.block)}{_interval(self.block_low, self.block_high)}"
        if self.more_cases is not None and self.more_ship is not None:
            text += f"; with {self.more_cases:,} cases, {round(100 * self.more_ship)}"
        share = self.discordance
        if share.method == ASSUMED:
            return f"{text} (if {100 * share.value:.0f} % of the cases differ)"
        bounds = f"{100 * share.low:.1f} to {100 * share.high:.1f} %"
        return f"{text} ({100 * share.value:.1f} % of the cases differ, {bounds})"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({round(100 * low)} to {round(100 * high)})"
