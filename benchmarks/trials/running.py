"""Sums so far, for many paths at once and after every unit, and the library's effects made from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from benchmarks.trials.mixture import Looks
from benchmarks.trials.trial import Bools, Floats
from fairtrial.stats.sums import JointMoments, Moments


@dataclass(frozen=True, slots=True)
class Sums:
    """`JointMoments` of one arm, or the three of `Moments` (y is then ``None``): (paths, looks) each."""

    n: Floats
    x: Floats
    xx: Floats
    y: Floats | None = None
    yy: Floats | None = None
    xy: Floats | None = None

    @classmethod
    def of(cls, present: Bools, x: Floats, y: Floats | None = None, *, before: Self | None = None) -> Self:
        """The sums after each unit of those that are present, continuing those before."""
        mine = np.where(present, x, 0.0)
        parts = [present, mine, mine * mine]
        if y is not None:
            other = np.where(present, y, 0.0)
            parts += [other, other * other, mine * other]
        sums = [np.cumsum(part, axis=1, dtype=np.float64) for part in parts]
        if before is not None:
            for total, past in zip(sums, before.parts(), strict=True):
                total += past[:, -1:]
        return cls(*sums)

    def parts(self) -> list[Floats]:
        return [part for part in (self.n, self.x, self.xx, self.y, self.yy, self.xy) if part is not None]

    def joint(self, at: tuple[int, int]) -> JointMoments:
        """The library's statistic of one path at one look."""
        n, x, xx, y, yy, xy = (float(part[at]) for part in self.parts())
        return JointMoments(n=int(n), x=x, y=y, xx=xx, yy=yy, xy=xy)

    def single(self, at: tuple[int, int]) -> Moments:
        return Moments(int(self.n[at]), float(self.x[at]), float(self.xx[at]))

    def second(self) -> tuple[Floats, Floats, Floats]:
        """y, yy and xy."""
        if self.y is None or self.yy is None or self.xy is None:
            raise ValueError("these are the sums of one value a unit")
        return self.y, self.yy, self.xy

    def variances(self) -> tuple[Floats, Floats, Floats]:
        """The sample variances of x and y and their covariance, with n − 1."""
        y, yy, xy = self.second()
        n, few = np.maximum(self.n, 1), np.maximum(self.n, 2) - 1
        return (self.xx - self.x * self.x / n) / few, (yy - y * y / n) / few, (xy - self.x * y / n) / few


def welch(control: Sums, treatment: Sums) -> Looks:
    """`mean_difference` at every look."""
    return difference(control, treatment, mean(control), mean(treatment))


def lift(control: Sums, treatment: Sums) -> Looks:
    """`log_ratio` of two means, which are above 0, at every look."""
    levels = []
    for arm in (control, treatment):
        level, variance = mean(arm)
        above = np.where(level > 0, level, 1.0)
        levels.append((np.log(above), variance / above**2))
    return difference(control, treatment, *levels)


def mean(arm: Sums) -> tuple[Floats, Floats]:
    """The level and variance of `mean` at every look."""
    n = np.maximum(arm.n, 2)
    return arm.x / n, (arm.xx - arm.x * arm.x / n) / (n - 1) / n


def cuped(control: Sums, treatment: Sums) -> Looks:
    """`cuped_difference` at every look."""
    n_c, n_t = np.maximum(control.n, 3), np.maximum(treatment.n, 3)
    one, other = control.variances(), treatment.variances()
    spread = other[1] / n_t + one[1] / n_c
    before = treatment.second()[0] / n_t - control.second()[0] / n_c
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = (other[2] / n_t + one[2] / n_c) / spread
        levels, unsure = [], np.zeros_like(theta)
        for arm, n, (xx, yy, xy) in ((control, n_c, one), (treatment, n_t, other)):
            share = yy / n / spread
            left = (xx - 2 * theta * xy + theta * theta * yy) / n * (n - 1) / (n - 1 - share)
            levels.append(((arm.x - theta * arm.second()[0]) / n, left))
            unsure += before**2 / spread * left * share / (n - 1)
    found = difference(control, treatment, *levels)
    return Looks(found.value, found.variance + unsure, found.ready)


def ratios(control: Sums, treatment: Sums) -> Looks:
    """`ratio_difference` at every look."""
    return difference(control, treatment, ratio(control), ratio(treatment))


def ratio(arm: Sums) -> tuple[Floats, Floats]:
    """The level and variance of `ratio` at every look."""
    y, yy, xy = arm.second()
    below = np.where(y > 0, y, 1.0)
    level = arm.x / below
    squares = arm.xx - 2 * level * xy + level * level * yy
    return level, squares * arm.n / np.maximum(arm.n - 1, 1) / below**2


def difference(control: Sums, treatment: Sums, theirs: tuple[Floats, Floats], ours: tuple[Floats, Floats]) -> Looks:
    """`difference` of two levels, value and variance each, with the variance that looks at any time read."""
    (one, v), (other, w) = theirs, ours
    m, n = np.maximum(control.n, 1), np.maximum(treatment.n, 1)
    ready = np.minimum(control.n, treatment.n) >= 30
    return Looks(other - one, np.maximum(v + w, v * m / n + w * n / m), ready)
