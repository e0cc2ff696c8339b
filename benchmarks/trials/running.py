"""Sums so far, for many paths at once and after every unit, and the library's effects made from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from benchmarks.trials.mixture import Looks
from benchmarks.trials.trial import Bools, Floats
from fairtrial.domain.promises import MIN_UNITS
from fairtrial.stats.arguments import Bounds
from fairtrial.stats.sums import UNSEEN, JointMoments, Moments


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

    @classmethod
    def at(cls, ends: Floats, x: Floats, y: Floats | None = None) -> Self:
        """The sums of the first units of each path, so many as each of ``ends`` says: one arm at a few looks."""
        parts = [np.ones_like(x), x, x * x] + ([] if y is None else [y, y * y, x * y])
        last = np.asarray(ends, dtype=np.int64) - 1
        return cls(*(np.cumsum(part, axis=1, dtype=np.float64)[:, last] for part in parts))

    def scaled(self, by: float) -> Self:
        """The same with each x multiplied."""
        xy = None if self.xy is None else by * self.xy
        return type(self)(self.n, by * self.x, by * by * self.xx, self.y, self.yy, xy)

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


def welch(control: Sums, treatment: Sums, within: Bounds | None = None, *, scale: float = 1.0) -> Looks:
    """`mean_difference` at every look; without bounds as if the units seen were all that there can be."""
    return difference(control, treatment, mean(control, within), mean(treatment, within), scale=scale)


@dataclass(frozen=True, slots=True)
class Level:
    """A level of one arm at every look: its value, its variance, and what unseen units add to that on either side."""

    value: Floats
    variance: Floats
    low: Floats
    high: Floats


def mean(arm: Sums, within: Bounds | None = None) -> Level:
    """`mean` at every look."""
    n = np.maximum(arm.n, 2)
    value = arm.x / n
    each = 1 / (n - 1) / n
    return Level(value, (arm.xx - value * arm.x) * each, *(far * each for far in unseen(value, within)))


def unseen(level: Floats, within: Bounds | None, size: float = 1.0) -> tuple[Floats, Floats]:
    """`unseen_squares` at every look."""
    if within is None:
        return np.zeros_like(level), np.zeros_like(level)
    low, high = (UNSEEN * (size * np.maximum(0.0, far)) ** 2 for far in (level - within[0], within[1] - level))
    return low, high


def cuped(control: Sums, treatment: Sums, within: Bounds, before: Bounds) -> Looks:
    """`cuped_difference` at every look."""
    n_c, n_t = np.maximum(control.n, 3), np.maximum(treatment.n, 3)
    one, other = control.variances(), treatment.variances()
    spread = other[1] / n_t + one[1] / n_c
    apart = treatment.second()[0] / n_t - control.second()[0] / n_c
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = (other[2] / n_t + one[2] / n_c) / spread
        levels, unsure = [], np.zeros_like(theta)
        for arm, n, (xx, yy, xy) in ((control, n_c, one), (treatment, n_t, other)):
            share = yy / n / spread
            left = (xx - 2 * theta * xy + theta * theta * yy) / n * (n - 1) / (n - 1 - share)
            low, high = (np.abs(theta) * np.sqrt(one) for one in unseen(arm.second()[0] / n, before))
            opposite = np.where(theta > 0, high, low), np.where(theta > 0, low, high)
            pairs = zip(unseen(arm.x / n, within), opposite, strict=True)
            far = ((np.sqrt(one) + more) ** 2 / n / (n - 1 - share) for one, more in pairs)
            levels.append(Level((arm.x - theta * arm.second()[0]) / n, left, *far))
            unsure += apart**2 / spread * left * share / (n - 1)
    found = difference(control, treatment, *levels)
    return Looks(found.value, found.variance + unsure, found.ready, found.unseen)


def ratios(
    control: Sums, treatment: Sums, cap: float | None, within: Bounds | None = (0.0, 1.0), *, scale: float = 1.0
) -> Looks:
    """`ratio_difference` at every look; without a cap as if no user could count for more than those seen."""
    bounds = None if cap is None else within
    looks = difference(
        control, treatment, ratio(control, cap or 1.0, bounds), ratio(treatment, cap or 1.0, bounds), scale=scale
    )
    if cap is not None:
        for arm in (control, treatment):
            y, yy, _ = arm.second()
            looks.ready &= y * y >= MIN_UNITS * yy
    return looks


def ratio(arm: Sums, cap: float, within: Bounds | None) -> Level:
    """`ratio` at every look."""
    y, yy, xy = arm.second()
    below = np.where(y > 0, y, 1.0)
    level = arm.x / below
    squares = arm.xx - 2 * level * xy + level * level * yy
    each = arm.n / np.maximum(arm.n - 1, 1) / below**2
    return Level(level, squares * each, *(far * each for far in unseen(level, within, cap)))


def difference(control: Sums, treatment: Sums, theirs: Level, ours: Level, *, scale: float = 1.0) -> Looks:
    """`difference` of two levels, value and variance each, with the variance that looks at any time read."""
    v, w = scale**2 * theirs.variance, ours.variance
    m, n = np.maximum(control.n, 1), np.maximum(treatment.n, 1)
    ready = np.minimum(control.n, treatment.n) >= MIN_UNITS
    unlikely = ours.low + scale**2 * theirs.high, ours.high + scale**2 * theirs.low
    return Looks(ours.value - scale * theirs.value, np.maximum(v + w, v * m / n + w * n / m), ready, unlikely)
