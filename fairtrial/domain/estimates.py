"""Numbers that say how sure they are: an estimate with its interval, or the honest alternative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Answer = Literal["better", "not worse", "worse", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """An effect or a level with its interval, on the metric's own scale.

    ``level`` is the two-sided confidence of ``low`` and ``high``; 0.90 two-sided is what a one-sided 95 % bound reads.
    ``n`` counts units of analysis, ``method`` names how it was made, ``always_valid`` whether it may be peeked at.
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
class NotEnough:
    """There is no estimate: why not, and what is needed."""

    reason: str
    needed: str
    n: int = 0

    def __str__(self) -> str:
        return f"not enough: {self.reason}; needed: {self.needed}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidate against baseline on one metric, over the same cases or units.

    ``difference`` is candidate − baseline on the metric's scale; ``won`` and ``lost`` count paired cases of a 0/1
    metric that only the candidate or only the baseline passed. ``p`` is shown beside the interval, which decides: the
    two-sided p of no difference, by ``p_method``.
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
