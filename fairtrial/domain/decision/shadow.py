"""Defines what the pairs of a shadow show, as everybody prints it: one value for each measure, and why it is held."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import exp
from typing import Literal

from fairtrial.domain.promises import MIN_PAIRS, SHADOW_MARGIN, SHADOW_RATIO_MARGIN

ShadowAnswer = Literal["better", "worse", "not worse", "higher", "lower", "cannot tell"]
Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class Measure:
    """How a measure is compared. ``tau``: the effect for which its intervals are narrowest, and its margin."""

    better: Better
    ratio: bool = False

    @property
    def tau(self) -> float:
        return SHADOW_RATIO_MARGIN if self.ratio else SHADOW_MARGIN


OWN = Measure("higher")
"""A scorer of the route, whose values are from 0 to 1."""

MEASURES: Mapping[str, Measure] = {
    "failed": Measure("lower"),
    "format": Measure("higher"),
    "schema": Measure("higher"),
    "language": Measure("higher"),
    "refusal": Measure("lower"),
    "length": Measure("neither", ratio=True),
    "latency": Measure("lower", ratio=True),
    "cost": Measure("lower", ratio=True),
}


@dataclass(frozen=True, slots=True)
class ShadowMetric:
    """``shadow.<name>``: candidate − baseline by unit, each unit by its own mean. ``baseline``, ``candidate``: means.

    ``difference`` has an interval that is valid at every look. It is a share, or with ``ratio`` the log of a ratio.
    ``needed``: what a decision still lacks.
    """

    name: str
    answer: ShadowAnswer
    pairs: int
    units: int
    baseline: float
    candidate: float
    ratio: bool
    difference: float
    low: float | None = None
    high: float | None = None
    needed: str = ""

    @property
    def effect(self) -> str:
        """The difference with its interval, such as ``+3.1 points (+1.0 to +5.2)``."""
        shown = f"{self._shown(self.difference)} {'%' if self.ratio else 'points'}"
        if self.low is None or self.high is None:
            return shown
        return f"{shown} ({self._shown(self.low)} to {self._shown(self.high)})"

    def _shown(self, value: float) -> str:
        return f"{100 * (exp(value) - 1 if self.ratio else value):+.1f}"

    @property
    def line(self) -> str:
        """One line for people."""
        needed = f"; needed: {self.needed}" if self.needed else ""
        return f"shadow.{self.name}: {self.answer}, {self.effect}, {self.pairs:,} pairs of {self.units:,} users{needed}"


@dataclass(frozen=True, slots=True)
class ShadowDecision:
    """What the pairs show. ``held``: why nothing may be concluded, empty if something may. ``newest_us``: of a pair."""

    metrics: tuple[ShadowMetric, ...] = ()
    held: str = ""
    newest_us: int | None = None

    def sentence(self, candidate: str, baseline: str) -> str | None:
        """The sentence that stands from the first `MIN_PAIRS` pairs on."""
        pairs = max((metric.pairs for metric in self.metrics), default=0)
        if pairs < MIN_PAIRS:
            return None
        units = max(metric.units for metric in self.metrics)
        on = f"after {pairs:,} pairs of {units:,} users"
        if self.held:
            return f"HOLD: {on} nothing is concluded, because {self.held}."
        decided = [metric for metric in self.metrics if metric.answer != "cannot tell"]
        said = "; ".join(f"{metric.name} is {metric.answer}, {metric.effect}" for metric in decided)
        return f"{candidate} beside {baseline}, {on}: {said or 'no difference is proven yet'}."

    def lines(self, candidate: str, baseline: str) -> Iterator[str]:
        """The sentence, and a line for each measure."""
        if sentence := self.sentence(candidate, baseline):
            yield sentence
        yield from (metric.line for metric in self.metrics)
