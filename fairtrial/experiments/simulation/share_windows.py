"""Computes the shares of bad requests of simulated units in their first hour and their first day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.experiments.simulation.course import Course, Requests
from fairtrial.experiments.simulation.exposures import Bools
from fairtrial.experiments.simulation.people import Floats, Ints
from fairtrial.stats.sequential.error_guardrail import ErrorShares
from fairtrial.stats.sequential.unit_shares import BINS, UnitShares, bins_of
from fairtrial.stats.sums import JointMoments

HOUR_US, DAY_US, MINUTE_US = 3_600_000_000, 86_400_000_000, 60_000_000
LATE_US = MINUTE_US
GOLDEN = 0.618033988749895


@dataclass(frozen=True, slots=True)
class ShareWindows:
    """The histograms and the request-weighted sums as functions of time."""

    hour: Course
    day: Course

    def at(self, now_us: int) -> ErrorShares:
        """The sums over the units whose windows are complete by then."""
        hour, day = self.hour.at(now_us), self.day.at(now_us)
        weighed = JointMoments(round(sum(day[:BINS])), *day[BINS:])
        return ErrorShares(_histogram(hour), _histogram(day[:BINS]), weighed)


def shares_course(sent: Requests, first_us: Ints, cap: float, *, fails: bool, at_once: bool) -> ShareWindows:
    """The windows of these units, as the store computes them; ``at_once``: each request is a unit of its own."""
    bad = sent.failed if fails else np.zeros(len(sent.failed), np.bool_)
    return ShareWindows(
        _course(*_window(sent, bad, first_us, HOUR_US, at_once)),
        _course(*_window(sent, bad, first_us, DAY_US, at_once, cap)),
    )


def _course(over_us: Ints, columns: list[Floats]) -> Course:
    return Course.of(over_us, *columns)


def _window(
    sent: Requests, bad: Bools, first_us: Ints, window_us: int, at_once: bool, cap: float | None = None
) -> tuple[Ints, list[Floats]]:
    """When each unit's window is complete, the bins of its share, and with a cap the sums of its requests."""
    since = first_us[sent.unit]
    inside = sent.at_us - sent.at_us % MINUTE_US < since + window_us
    count = len(first_us)
    asked = np.bincount(sent.unit[inside], minlength=count).astype(np.float64)
    failed = np.bincount(sent.unit[inside], weights=bad[inside], minlength=count).astype(np.float64)
    units = np.flatnonzero(asked)
    x, y = failed[units], asked[units]
    bins = bins_of(np.asarray(x / y, np.float64), np.asarray(units * GOLDEN % 1.0))
    over_us = first_us[units] if at_once else first_us[units] + window_us + LATE_US
    columns: list[Any] = [(bins == one).astype(np.float64) for one in range(BINS)]
    if cap is not None:
        x, y = x * np.minimum(1.0, cap / y), np.minimum(y, cap)
        columns += [x, y, x * x, y * y, x * y]
    return over_us, columns


def _histogram(totals: list[float]) -> UnitShares:
    return UnitShares(tuple(round(one) for one in totals))
