"""What one trial of decisions is, the plans it uses, and the rows that it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from benchmarks.experiment_trials.project import NAME, project
from benchmarks.experiment_trials.promise import Row, share
from fairtrial.domain.promises import MIN_UNITS
from fairtrial.experiments.analysis.freeze import Known, freeze
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.stats.sums import Moments

__all__ = ["Row", "Trial", "frozen", "may_differ", "mean_row", "median_row", "near", "share"]

WITHIN = 3.0
"""Figures that are known from another simulation are met within so many standard errors of both together."""

NEAREST = 1.5
"""Standard errors from 0 below which no look is made. The rest is left to show intervals that are too narrow."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One question about decisions: so many ``trials``, or ``short`` ones, measured as rows."""

    name: str
    what: str
    measure: Callable[[Generator, int], Sequence[Row]]
    trials: int
    short: int


def frozen(known: Mapping[str, Known] | None = None, **more: Any) -> AnalysisPlan:
    """The frozen plan of a project; ``more`` as in `project`."""
    plan = project(**more)
    return freeze(plan, plan.experiments[NAME], 0, known)


def may_differ(control: Moments, treatment: Moments) -> bool:
    """Whether an interval that holds at all looks may exclude 0, so that a look must be made.

    At a level of 95 % such an interval reaches at least √(2 ln 20) = 2.4 standard errors, whatever its τ.
    """
    if min(control.n, treatment.n) < MIN_UNITS:
        return False
    variance = control.variance / control.n + treatment.variance / treatment.n
    return (treatment.mean - control.mean) ** 2 >= NEAREST**2 * variance


def median_row(what: str, values: ArrayLike, **limits: Any) -> Row:
    """The median of some numbers, with the standard error by the order statistics around it."""
    found = np.sort(np.asarray(values, np.float64))
    n = len(found)
    half = sqrt(n) / 2
    low, high = found[max(0, int(n / 2 - half))], found[min(n - 1, int(n / 2 + half))]
    return Row(what, float(np.median(found)), float(high - low) / 2, unit="users", **limits)


def mean_row(what: str, values: ArrayLike, **limits: Any) -> Row:
    """The mean of some numbers."""
    found = np.asarray(values, np.float64)
    return Row(what, float(found.mean()), float(found.std(ddof=1)) / sqrt(len(found)), unit="users", **limits)


def near(row: Row, figure: float, *, error: float = 0.0) -> Row:
    """The row with a figure that it must reproduce; ``error``: the standard error of the figure."""
    whole = max(sqrt(row.error**2 + error**2), 0.005 if row.unit == "%" else 0.01 * figure)
    return replace(row, error=whole, least=figure, most=figure, slack=WITHIN)
