"""Computes the axes and points of a loss chart, for the terminal and for a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from evaluators.training_data.training_log import Evaluation

LOG_ABOVE = 10.0
"""The ratio of the largest to the smallest loss above which the axis is logarithmic."""


@dataclass(frozen=True, slots=True)
class LossChart:
    """A title and losses, with places from 0 to 1 on both axes.

    ``first`` and ``last`` are the ends of the horizontal axis; ``log``: whether the vertical axis is logarithmic.
    """

    title: str
    losses: tuple[Evaluation, ...]
    first: Evaluation
    last: Evaluation
    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, title: str, losses: Sequence[Evaluation], *, ends: tuple[Evaluation, Evaluation]) -> LossChart:
        values = [one.loss for one in losses]
        low, high = min(values), max(values)
        log = low > 0 and high / low > LOG_ABOVE
        if low == high:
            low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
        return cls(title, tuple(losses), *ends, low, high, log)

    def across(self, step: float) -> float:
        """The horizontal place of a step."""
        first, last = self.first.step, self.last.step
        return (step - first) / (last - first) if last > first else 0.5

    def up(self, loss: float) -> float:
        """The vertical place of a loss."""
        if self.log:
            return math.log(loss / self.low) / math.log(self.high / self.low)
        return (loss - self.low) / (self.high - self.low)

    def loss_at(self, up: float) -> float:
        """The loss at a vertical place."""
        if self.log:
            return self.low * math.exp(up * math.log(self.high / self.low))
        return self.low + up * (self.high - self.low)

    def columns(self, width: int) -> dict[int, float]:
        """The mean vertical place of the losses in each of ``width`` columns."""
        found: dict[int, list[float]] = {}
        for one in self.losses:
            column = min(width - 1, max(0, round(self.across(one.step) * (width - 1))))
            found.setdefault(column, []).append(self.up(one.loss))
        return {column: fmean(places) for column, places in found.items()}


def charts_of(train: Sequence[Evaluation], validation: Sequence[Evaluation]) -> list[LossChart]:
    """One chart for each series that exists, over the same steps; a common scale would hide a turn."""
    every = sorted((*train, *validation), key=lambda one: one.step)
    ends = (every[0], every[-1])
    series = (("training loss", train), ("validation loss", validation))
    return [LossChart.of(title, losses, ends=ends) for title, losses in series if losses]
