"""The course of a trial that is decided by each unit's share of bad requests, with one request a unit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from fairtrial.stats.planning.courses import Course
from fairtrial.stats.sequential.unit_shares import BINS, ShareTest

__all__ = ["ShareRule", "share_course"]

TRIALS = 1_000
STEP = 0.03
"""Looks are made whenever the units have grown by this share."""
FEWEST = 20
SEED = 7

Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShareRule:
    """The test that must succeed, and its error α.

    >>> ShareRule(ShareTest("safe", margin=0.01), alpha=0.05).alpha
    0.05
    """

    test: ShareTest
    alpha: float = 0.05


@lru_cache(maxsize=64)
def share_course(rule: ShareRule, *, control: float, treatment: float, units: float) -> Course:
    """The course of a trial whose units have one request each, of which these shares are bad, up to so many units.

    Units with more requests vary less in their shares, so they decide sooner. The looks are those of simulated trials,
    of which each makes one whenever its units have grown by three percent; the same numbers give the same course. The
    standard error of its power is at most 1.6 points. Raises `ValueError` for impossible rates or units.

    Source: as `share_evidence`, whose test is made at each look.

    >>> course = share_course(ShareRule(ShareTest("safe", margin=0.01)), control=0.005, treatment=0.005, units=6_000)
    >>> 0.9 < course.power[-1] < 1.0
    True
    """
    if not (0 <= control < 1 and 0 <= treatment < 1 and units > 0):
        raise ValueError(f"rates of {control} and {treatment} in {units} units can't be planned for")
    share, least = rule.test.share, -log(rule.alpha)
    looks = _looks(units)
    rng = np.random.default_rng(SEED)
    bad = [np.zeros(TRIALS), np.zeros(TRIALS)]
    running, power, stops, before = np.zeros(TRIALS), [], np.full(TRIALS, float(looks[-1])), [0, 0]
    open_ = np.ones(TRIALS, np.bool_)
    for look in looks:
        arms = round(look * (1 - share)), round(look * share)
        for number, (now, rate) in enumerate(zip(arms, (control, treatment), strict=True)):
            bad[number] += rng.binomial(now - before[number], rate, TRIALS)
        before = list(arms)
        running = share_log_e(rule.test, arms, (bad[0], bad[1]))
        stops[open_ & (running >= least)] = look
        open_ &= running < least
        power.append(1 - float(open_.mean()))
    return Course(tuple(float(one) for one in looks), tuple(power), float(stops.mean()))


def _looks(units: float) -> list[int]:
    """The units at each look, up to the last."""
    last, looks = ceil(units), [min(FEWEST, ceil(units))]
    while looks[-1] < last:
        looks.append(min(last, max(looks[-1] + 1, ceil(looks[-1] * (1 + STEP)))))
    return looks


def share_log_e(test: ShareTest, units: tuple[Counts | int, Counts | int], bad: tuple[Counts, Counts]) -> Counts:
    """The evidence where each unit is wholly good or wholly bad, which needs two of the bins."""
    control, treatment = test.gains()
    won = sum(
        (np.outer(number - some, gains[0]) + np.outer(some, gains[BINS - 1]))
        for number, some, gains in zip(units, bad, (control, treatment), strict=True)
    )
    most = np.asarray(won).max(axis=-1)
    found: Counts = most + np.log(np.exp(won - most[:, None]).mean(axis=-1))
    return found
