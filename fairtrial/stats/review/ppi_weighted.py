"""PPI++ for units that experts saw with unequal probabilities π: each mark is weighted by 1/π."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from fairtrial.domain.estimates import NotEnough
from fairtrial.stats.effects import Effect
from fairtrial.stats.review.ppi import ALONE, INDICATIVE_FROM, TOGETHER, limit_by_marks, require_step
from fairtrial.stats.sums import JointMoments, Moments

__all__ = ["WeightedMarks", "ppi_weighted"]


@dataclass(frozen=True, slots=True)
class WeightedMarks:
    """Additive sums of an expert's mark x and a judge's mark y of each of ``n`` units, weighted by w = 1/π.

    ``w``, ``x`` … ``xy`` are Σw, Σwx, Σwy, Σwxx, Σwyy and Σwxy; ``ww``, ``wwx`` … ``wwxy`` are the same with w².
    ``judge_sum`` and ``judge_squares`` are Σy and Σy² without weights.

    >>> WeightedMarks.of([1.0, 0.0], [1.0, 1.0], [0.5, 0.25]).w
    6.0
    """

    n: int
    w: float
    x: float
    y: float
    xx: float
    yy: float
    xy: float
    ww: float
    wwx: float
    wwy: float
    wwxx: float
    wwyy: float
    wwxy: float
    judge_sum: float
    judge_squares: float

    @classmethod
    def of(cls, expert: ArrayLike, judge: ArrayLike, chances: ArrayLike) -> Self:
        """The sums over the units that an expert saw; ``chances`` has the π of each, above 0 and up to 1."""
        plain = JointMoments.of(expert, judge)
        pi = np.asarray(chances, dtype=np.float64).ravel()
        if len(pi) != plain.n or not ((pi > 0) & (pi <= 1)).all():
            raise ValueError("each unit that an expert saw needs a sampling probability above 0 and up to 1")
        x, y = (np.asarray(marks, dtype=np.float64).ravel() for marks in (expert, judge))
        parts = [np.ones(plain.n), x, y, x * x, y * y, x * y]
        sums = [float(weight @ part) for weight in (1 / pi, 1 / pi**2) for part in parts]
        return cls(plain.n, *[*sums, plain.y, plain.yy])

    def __add__(self, other: Self) -> Self:
        return type(self)(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def effective(self) -> float:
        """(Σw)² / Σw²: the number of marks with equal probabilities that are worth as much. ``n`` if they are equal."""
        return self.w**2 / self.ww if self.n else 0.0


def ppi_weighted(marks: WeightedMarks, unlabelled: Moments, *, step: float = 1.0) -> Effect | NotEnough:
    """λ f̄ + Σ w (Y − λ f) / Σ w on the marks' scale, where experts saw units with different probabilities π.

    ``marks`` covers the n units that an expert saw. ``unlabelled`` has the judge's marks of the N others that could
    have been chosen, including those with the same probabilities of being seen. Here f̄ is the judge's mean of all n +
    N units, from which the experts' units were drawn independently of each other. With equal probabilities the result
    is `ppi_mean`, except that λ takes var(f) from the marks. λ minimises V = (λ² var(f) + 2 λ cov(f, r))/(n + N) + Σ w²
    (r − r̄)² / (Σ w)², where r = Y − λ f, and is clipped to 0 … 1. ``step`` and the limits of 100 and 50 are as in
    `ppi_mean`, but the limits apply to the effective number (Σ w)² / Σ w². This number less 2 is also the degrees of
    freedom.

    Source: Angelopoulos, Duchi & Zrnic (2023), arXiv:2311.01453; Horvitz & Thompson (1952), JASA 47:663-685, with
    Hájek's ratio; Kish (1965), Survey Sampling, for the effective number.

    >>> from fairtrial.stats.effects import fixed
    >>> expert, judge = [1.0, 1.0, 0.0, 1.0, 0.0] * 40, [1.0, 1.0, 0.0, 1.0, 1.0] * 40
    >>> marks = WeightedMarks.of(expert, judge, [0.1, 0.1, 0.2, 0.2, 0.2] * 40)
    >>> print(fixed(ppi_weighted(marks, Moments(n=1200, x=1000, xx=1000))))
    0.6879 (0.6401 to 0.7357; 95 %, n = 200, PPI++, weighted by 1/π)
    """
    require_step(step)
    if marks.effective < 2:
        return NotEnough(f"{marks.n} experts' marks can't show how much they vary", "2 or more", marks.n)
    size = marks.effective
    if size < INDICATIVE_FROM or unlabelled.n == 0:
        variance = (_spread(marks, 0.0) + step**2 * marks.ww / marks.w**2 / size) * size / (size - 1)
        return limit_by_marks(
            marks.x / marks.w, variance, marks.n, f"{ALONE}, weighted by 1/π", size - 1, effective=size
        )
    pool = Moments(marks.n, marks.judge_sum, marks.judge_squares) + unlabelled
    trust = _trust(marks, pool)
    among = marks.xy / marks.w - marks.x * marks.y / marks.w**2
    own = marks.yy / marks.w - (marks.y / marks.w) ** 2
    shared = (trust**2 * pool.variance + 2 * trust * (among - trust * own)) / pool.n
    freedom = size - (2 if trust > 0 else 1)
    drawn = (_spread(marks, trust) + step**2 * marks.ww / marks.w**2 / size) * size / freedom
    value = trust * pool.mean + (marks.x - trust * marks.y) / marks.w
    variance = max(shared, 0.0) + drawn
    return limit_by_marks(value, variance, marks.n, f"{TOGETHER}, weighted by 1/π", freedom, effective=size)


def _trust(marks: WeightedMarks, pool: Moments) -> float:
    """λ: the weight of the judge, 0 to 1, that minimises V."""
    among = marks.xy / marks.w - marks.x * marks.y / marks.w**2
    own = marks.yy / marks.w - (marks.y / marks.w) ** 2
    x, y, total = marks.x / marks.w, marks.y / marks.w, marks.w**2
    crossed = (marks.wwxy - x * marks.wwy - y * marks.wwx + x * y * marks.ww) / total
    judged = (marks.wwyy - 2 * y * marks.wwy + y * y * marks.ww) / total
    curve = judged + (pool.variance - 2 * own) / pool.n
    return min(1.0, max(0.0, (crossed - among / pool.n) / curve)) if curve > 0 else 0.0


def _spread(marks: WeightedMarks, trust: float) -> float:
    """Σ w² (r − r̄)² / (Σ w)² of r = x − trust · y, r̄ their weighted mean."""
    mean = (marks.x - trust * marks.y) / marks.w
    first = marks.wwx - trust * marks.wwy
    second = marks.wwxx - 2 * trust * marks.wwxy + trust**2 * marks.wwyy
    return max(0.0, second - 2 * mean * first + mean**2 * marks.ww) / marks.w**2
