"""Slices by tag: how often the one that loses is named inside a whole that wins, and how often equal ones are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.decision_trials.trial import Row, Trial, frozen, share
from fairtrial.experiments.analysis.slices import SliceSums, find_worse, slice_units
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.sums import ArmSums
from fairtrial.stats.always_valid import always_valid
from fairtrial.stats.arms.feedback import Feedback
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.sequential.request_errors import ErrorShares, RequestErrors
from fairtrial.stats.sequential.unit_shares import BINS, UnitShares
from fairtrial.stats.sums import JointMoments, Moments

Counts = NDArray[np.int64]
"""By look, slice and arm: how many units there are, or how many of them have something."""
RESOLVED, ERRORS = "feedback.resolved", "requests.error_rate"
ARMS = ("base", "tuned")
LEVEL, GAIN, LOSS, FAILED = 0.6, 0.1, 0.2, 0.02
SLICES, METRICS, LOOKS = 8, 2, 28
TAGS, VALUES = 3, 4
EQUAL_UNITS = 2_000
"""Units of each arm in a slice at the last look of trials of equal slices: about five times the planned size."""
MOST, LEAST = 0.05, 0.95
NEVER = 2.0
"""e-BH rejects nothing while no slice is so many standard errors worse, because an e-value of 20 needs more."""


def losing(rng: Generator, trials: int) -> Sequence[Row]:
    """One of eight slices loses; at the last of 28 looks each has its planned size."""
    plan, rows = frozen(), []
    for level in (0.3, LEVEL, 0.9):
        units = slice_units(level, loses=LOSS, tests=SLICES * METRICS)
        after = np.full(SLICES, min(0.98, level + GAIN))
        after[0] = level - LOSS
        named, others, wins = [], [], []
        for _ in range(trials):
            sent = _arrived(rng, units, SLICES, shares=(0.5, 0.5))
            yes = _those(rng, sent, np.stack([np.full(SLICES, level), after], axis=1))
            failed = _those(rng, sent, np.full((SLICES, 2), FAILED))
            found = _worse(plan, _sliced(sent[-1], yes[-1], failed[-1]))
            named.append(("tag 0", "0", RESOLVED) in found)
            others.append(bool(found - {("tag 0", "0", RESOLVED)}))
            wins.append(_wins(plan, sent[-1], yes[-1]))
        what = f"{level:.0%} → {level - LOSS:.0%} in 1 of {SLICES} slices of {units} users an arm"
        rows += [
            share(f"{what}, + 10 points in the others: it is named", named, least=LEAST),
            share("  another one is named, too", others, most=MOST),
            share("  the whole is *better* at the same look", wins),
        ]
    return rows


def equal(rng: Generator, trials: int) -> Sequence[Row]:
    """No slice differs between the arms: any that is named, at any of 28 looks, is a false alarm."""
    rows = []
    settings = [
        ("50/50, resolved 60 %, errors 2 %", (0.5, 0.5), LEVEL, FAILED),
        ("50/50, resolved 5 %, errors 0.5 %", (0.5, 0.5), 0.05, 0.005),
        ("90/10, resolved 60 %, errors 2 %", (0.9, 0.1), LEVEL, FAILED),
        ("90/10, resolved 95 %, errors 10 %", (0.9, 0.1), 0.95, 0.1),
    ]
    for what, shares, level, failing in settings:
        plan = frozen(split={name: 100 * part for name, part in zip(ARMS, shares, strict=True)})
        alarms = [_alarm(rng, plan, shares, level, failing) for _ in range(trials)]
        slices = f"{TAGS} tags with {VALUES} values"
        rows.append(share(f"{what}; {slices}, {EQUAL_UNITS:,} users an arm each: any is named", alarms, most=MOST))
    return rows


def _alarm(rng: Generator, plan: AnalysisPlan, shares: tuple[float, float], level: float, failing: float) -> bool:
    """A user has one value of each tag, so that the slices of different tags share users."""
    cells = VALUES**TAGS
    sent = _arrived(rng, EQUAL_UNITS * VALUES // cells, cells, shares=shares)
    sums = (sent, _those(rng, sent, np.full((cells, 2), level)), _those(rng, sent, np.full((cells, 2), failing)))
    by_slice = [_margins(each) for each in sums]
    for n, yes, failed in zip(*by_slice, strict=True):
        possible = _may_be_worse(n, n - yes) or _may_be_worse(n, failed)
        if possible and _worse(plan, _sliced(n, yes, failed)):
            return True
    return False


def _arrived(rng: Generator, units: int, cells: int, *, shares: tuple[float, float]) -> Counts:
    """The users of each cell and arm by look. ``units``: of each arm at the last look, if the split is even."""
    new = rng.multinomial(rng.poisson(2 * units / LOOKS, (LOOKS, cells)), shares) if shares[0] != shares[1] else None
    if new is None:
        whole = np.diff(np.linspace(0, units, LOOKS + 1).round().astype(np.int64))
        new = np.broadcast_to(whole[:, None, None], (LOOKS, cells, 2))
    return np.cumsum(new, axis=0)


def _those(rng: Generator, sent: Counts, rates: NDArray[np.float64]) -> Counts:
    """How many of the users have something that these shares of them have."""
    return np.cumsum(rng.binomial(np.diff(sent, axis=0, prepend=0), rates), axis=0)


def _margins(cells: Counts) -> Counts:
    """The sums of the cells by tag and value."""
    shaped = cells.reshape(LOOKS, *(VALUES,) * TAGS, 2)
    axes = range(1, TAGS + 1)
    return np.concatenate([shaped.sum(axis=tuple(other for other in axes if other != axis)) for axis in axes], axis=1)


def _may_be_worse(n: Counts, bad: Counts) -> bool:
    rate, pooled = bad / np.maximum(n, 1), bad.sum(axis=1) / n.sum(axis=1)
    variance = pooled * (1 - pooled) * (1 / np.maximum(n, 1)).sum(axis=1)
    return bool(np.any((rate[:, 1] - rate[:, 0] > 0) & ((rate[:, 1] - rate[:, 0]) ** 2 >= NEVER**2 * variance)))


def _sliced(n: Counts, yes: Counts, failed: Counts) -> list[SliceSums]:
    """The sums of a look, as the store reads them: each user has sent one request and given feedback."""
    values, slices = SLICES if len(n) == SLICES else VALUES, []
    for place, columns in enumerate(np.stack([n, yes, failed], axis=2).tolist()):
        arms = {name: _arm(*column) for name, column in zip(ARMS, columns, strict=True)}
        units = {name: arm.units for name, arm in arms.items()}
        slices.append(SliceSums(f"tag {place // values}", f"{place % values}", units, arms))
    return slices


def _arm(n: int, yes: int, failed: int) -> ArmSums:
    shares = UnitShares((n - failed, *(0,) * (BINS - 2), failed))
    requests = JointMoments(n, failed, n, failed, n, failed)
    errors = RequestErrors(failed, requests, 50.0, shares=ErrorShares(shares, shares, requests))
    return ArmSums(n, n, {RESOLVED: Feedback(n, Moments(n, yes, yes), 86_400.0), ERRORS: errors})


def _worse(plan: AnalysisPlan, slices: Sequence[SliceSums]) -> set[tuple[str, str, str]]:
    return {(each.tag, each.value, each.metric) for each in find_worse(plan, slices) if each.worse}


def _wins(plan: AnalysisPlan, n: Counts, yes: Counts) -> bool:
    """Whether the always-valid interval of all users is above 0."""
    arms = [Moments(int(units), int(good), int(good)) for units, good in zip(n.sum(0), yes.sum(0), strict=True)]
    primary = plan.metric(RESOLVED)
    interval = always_valid(mean_difference(*arms, within=(0, 1)), tau=primary.tau or 0.0)
    return getattr(interval, "low", 0.0) > 0


TRIALS = (
    Trial("slices", "a slice that loses 20 points inside a whole that wins", losing, 2_000, 100),
    Trial("equal-slices", "slices that do not differ between the arms", equal, 2_000, 100),
)
