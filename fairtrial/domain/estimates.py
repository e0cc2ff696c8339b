"""Defines estimates with confidence intervals, and the alternative if the data do not suffice."""

from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

Answer = Literal["better", "not worse", "worse", "cannot tell"]


class Evidence:
    """What a finding rests on: an `Estimate`, a `Comparison`, or `NotEnough`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Estimate(Evidence):
    """An effect or a level with its interval, on the metric's own scale.

    ``level`` is the two-sided confidence of ``low`` and ``high``; one-sided 95 % bounds have the level 0.90. ``n``
    counts units of analysis, ``method`` names the method, ``always_valid`` says whether repeated looks are allowed.
    """

    value: float
    low: float
    high: float
    level: float
    n: int
    method: str
    always_valid: bool = False

    def __str__(self) -> str:
        bounds = f"{self.low:.4g} to {self.high:.4g}"
        return f"{self.value:.4g} ({bounds}; {100 * self.level:.4g} %, n = {self.n:,}, {self.method})"


@dataclass(frozen=True, slots=True)
class NotEnough(Evidence):
    """There is no estimate; ``reason`` says why, and ``needed`` what is missing."""

    reason: str
    needed: str
    n: int = 0

    def __str__(self) -> str:
        return f"not enough: {self.reason}; needed: {self.needed}"


class Forecast(Struct, frozen=True):
    """The size that a comparison needs, in units of both arms.

    ``units`` count for the primary metric so far, and ``needed`` find the planned effect with ``power``. ``waiting``
    are enrolled, but their window of feedback is still open. ``expected_us``: when the needed units will be there at
    the average rate so far, or ``None`` if that is unknown.
    """

    units: int
    needed: int
    waiting: int
    expected_us: int | None
    power: float

    @property
    def more(self) -> int:
        """The units that are still missing."""
        return max(0, self.needed - self.units)


class ServedBefore(Struct, frozen=True):
    """Whose requests an estimate before a start counts: the control's in its experiment, and its deployment's on this
    route outside it.
    """

    experiment: str
    control: str
    route: str
    deployment: str


@dataclass(frozen=True, slots=True)
class Comparison(Evidence):
    """Candidate against baseline on one metric, over the same cases or units.

    ``difference`` is candidate − baseline on the metric's scale. ``won`` and ``lost`` count the cases of a 0/1 metric
    that only the candidate or only the baseline passed. ``rule`` says in words what ``answer`` follows from. ``p`` is
    the p-value that the rule uses, two-sided unless ``p_method`` says one-sided.
    """

    metric: str
    scope: str
    candidate: float | None
    baseline: float | None
    difference: Estimate | NotEnough
    answer: Answer
    won: int | None = None
    lost: int | None = None
    n: int = 0
    p: float | None = None
    p_method: str = ""
    rule: str = ""
