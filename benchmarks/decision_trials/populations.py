"""Draws the units of a rate by kind: how many requests one sends, how many of them are bad, and what a look reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Self

import numpy as np
import scipy
from numpy.random import Generator
from numpy.typing import NDArray

from fairtrial.domain.promises import REQUESTS_CAP
from fairtrial.experiments.sums import ArmSums
from fairtrial.stats.sequential.request_errors import ErrorShares, EveryRequest, RequestErrors
from fairtrial.stats.sequential.unit_shares import BINS, UnitShares
from fairtrial.stats.sums import JointMoments

Floats = NDArray[np.float64]
GROWTH = 0.01
"""A look is made whenever the units have grown by this share, as the monitor makes them."""
SELDOM = 1e-12
HOUR, DAY, MOMENTS, USERS, UNITS = slice(0, BINS), slice(BINS, 2 * BINS), slice(2 * BINS, 2 * BINS + 5), -2, -1
EVERY = slice(2 * BINS + 5, 2 * BINS + 10)
"""The moments of bad requests and requests, without a cap."""
FIRST = slice(2 * BINS + 10, 2 * BINS + 12)
"""The units whose first request was good, and those whose first one was bad."""
COLUMNS = 2 * BINS + 14


@dataclass(frozen=True, slots=True)
class Group:
    """A share of the units, each of which sends so many requests, of which ``rate`` are bad.

    ``kept_away``: an open breaker kept all of them from the arm. ``waits``: no unit's first hour is over.
    """

    share: float
    requests: int
    rate: float
    kept_away: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Population:
    """One arm: the chance of each kind of unit, and what one adds to the sums of a look."""

    chances: Floats
    columns: Floats

    @classmethod
    def of(cls, *groups: Group) -> Self:
        """All kinds that these groups have; a share between two bins has the chance of each."""
        chances, columns = [], []
        for group in groups:
            bad = np.arange(group.requests + 1)
            likely = scipy.stats.binom.pmf(bad, group.requests, group.rate)
            for k, chance in zip(bad.tolist(), (group.share * likely).tolist(), strict=True):
                scaled = k / group.requests * (BINS - 1)
                low = int(scaled + 1e-9)
                for bin_, part in ((low, 1 - (scaled - low)), (low + 1, scaled - low)):
                    for first, of_first in ((0, 1 - k / group.requests), (1, k / group.requests)):
                        if chance * part * of_first > SELDOM:
                            chances.append(chance * part * of_first)
                            columns.append(_columns(group, k, bin_, first))
        found = np.array(chances)
        return cls(found / found.sum(), np.array(columns))

    @property
    def mean_share(self) -> float:
        """The mean over units of each unit's share."""
        return float(self.chances @ self.columns[:, DAY] @ np.linspace(0, 1, BINS))

    @property
    def by_request(self) -> float:
        """Bad requests per request, no unit with more than the cap."""
        x, y = (self.chances @ self.columns[:, MOMENTS])[:2]
        return float(x / y)


def _columns(group: Group, bad: int, bin_: int, first: int) -> Floats:
    found = np.zeros(COLUMNS)
    x, y = bad * min(1.0, REQUESTS_CAP / group.requests), min(float(group.requests), REQUESTS_CAP)
    if not group.kept_away:
        found[HOUR][bin_] = not group.waits
        found[FIRST][first] = 1.0
        found[USERS] = bad > 0
    found[DAY][bin_] = 1.0
    found[MOMENTS] = x, y, x * x, y * y, x * y
    found[EVERY] = bad, group.requests, bad**2, group.requests**2, bad * group.requests
    found[UNITS] = 1.0
    return found


def even(rate: float, requests: int = 1) -> Population:
    """All units alike."""
    return Population.of(Group(1.0, requests, rate))


def waiting(rate: float) -> Population:
    """Units with one request each, of none of which the first hour is over."""
    return Population.of(Group(1.0, 1, rate, waits=True))


def in_few(base: float, more: float, requests: int, few: float = 0.02) -> Population:
    """So many points ``more`` bad requests on average, all of them in a few of the units."""
    return Population.of(Group(1 - few, requests, base), Group(few, requests, base + more / few))


def looks_until(units: float, *, first: int = 4, growth: float = GROWTH) -> list[int]:
    """The units of both arms at each look, up to the last."""
    found = [first]
    while found[-1] < units:
        found.append(min(ceil(units), max(found[-1] + 2, ceil(found[-1] * (1 + growth)))))
    return found


def drawn(
    rng: Generator, arms: tuple[Population, Population], looks: Sequence[int], trials: int, *, share: float = 0.5
) -> Iterator[tuple[int, Floats, Floats]]:
    """At each look the units so far and the sums of control and treatment, by trial; chance assigns each unit."""
    control, treatment = arms
    chances = np.concatenate(((1 - share) * control.chances, share * treatment.chances))
    cut, before = len(control.chances), 0
    sums = np.zeros((trials, COLUMNS)), np.zeros((trials, COLUMNS))
    for units in looks:
        counts = rng.multinomial(units - before, chances, size=trials).astype(np.float64)
        sums[0][:] += counts[:, :cut] @ control.columns
        sums[1][:] += counts[:, cut:] @ treatment.columns
        before = units
        yield units, *sums


def first_shares(columns: Floats) -> Floats:
    """The histogram of the first requests, by any leading dimensions."""
    shares = np.zeros((*columns.shape[:-1], BINS))
    shares[..., [0, -1]] = columns[..., FIRST]
    return shares


def arm_sums(columns: Floats, metrics: Sequence[str]) -> ArmSums:
    """One arm of one trial as a look of the product reads it; all these rates count the same requests."""
    parts = columns[HOUR], columns[DAY], first_shares(columns)
    hour, day, first = (UnitShares(tuple(np.rint(part).astype(int).tolist())) for part in parts)
    n, users = round(columns[UNITS]), round(columns[USERS])
    x, y, xx, yy, xy = columns[MOMENTS].tolist()
    moments = JointMoments(day.n, x, y, xx, yy, xy)
    answered = moments if users else JointMoments(day.n, 0.0, y, 0.0, yy, 0.0)
    every = EveryRequest(JointMoments(day.n, *columns[EVERY].tolist()))
    errors = RequestErrors(users, answered, REQUESTS_CAP, None, ErrorShares(hour, day, moments, every, first))
    return ArmSums(n, round(y), dict.fromkeys(metrics, errors) if n else {})
