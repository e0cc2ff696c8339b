"""Feedback that comes late or not at all: a difference is believed only where every way to count the missing agrees."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from fairtrial.domain.estimates import Answer, Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid, at_least
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.bounds import Bounds
from fairtrial.stats.effects import Effect
from fairtrial.stats.sums import Moments

__all__ = ["Feedback", "FeedbackFinding", "feedback_difference"]

SHARE: Bounds = (0.0, 1.0)
ASKED = ("complete", "lowest", "highest")
WAYS = (*ASKED, "worst", "best")


@dataclass(frozen=True, slots=True)
class Feedback:
    """One arm: ``units`` whose ``window`` is complete, and ``given``, one value of each that gave feedback within it.

    ``window``: seconds from a unit's first exposure in which feedback counts, frozen and the same for all. Units whose
    window is still open are left out, with their feedback, or the arm that answers sooner would have more of it.
    `ValueError` for more values than units, and for arms or parts whose windows differ.

    Source: Little & Rubin (2019), Statistical Analysis with Missing Data.

    >>> Feedback.of([0, 10, 20, 95], [5, None, 90, 96], [1, None, 0, 1], window=50, until=100)
    Feedback(units=3, given=Moments(n=1, x=1.0, xx=1.0), window=50)
    """

    units: int
    given: Moments
    window: float

    def __post_init__(self) -> None:
        if not (0 < self.window < inf and 0 <= self.given.n <= self.units):
            raise ValueError(f"{self.given.n} values of {self.units} units in a window of {self.window} s can't be")

    @classmethod
    def of(cls, exposed: ArrayLike, answered: ArrayLike, values: ArrayLike, *, window: float, until: float) -> Self:
        """From the times of each unit's first exposure and of its feedback (NaN or None: none yet) and the values.

        Times are seconds on one clock. ``until``: the time of the look; windows that end after it are open. Feedback
        after the end of its window does not count. `ValueError` for feedback before its exposure.
        """
        start, end, value = (np.asarray(one, dtype=np.float64).ravel() for one in (exposed, answered, values))
        if not len(start) == len(end) == len(value):
            raise ValueError(f"{len(start)} exposures, {len(end)} answers and {len(value)} values can't be one a unit")
        if not np.isfinite(start).all() or np.isnan(until):
            raise ValueError("each unit, and the look, needs the time at which it was")
        if (end < start).any():
            raise ValueError(f"{np.count_nonzero(end < start)} units gave feedback before they were exposed")
        complete = start + window <= until
        counts = complete & (end <= start + window)  # NaN compares as False
        return cls(int(np.count_nonzero(complete)), Moments.of(value[counts]), window)

    def __add__(self, other: Self) -> Self:
        self.check_same(other)
        return type(self)(self.units + other.units, self.given + other.given, self.window)

    def filled(self, value: float) -> Moments:
        """One value a unit, with ``value`` where there is no feedback."""
        missing = self.units - self.given.n
        return self.given + Moments(missing, missing * value, missing * value * value)

    def check_same(self, other: Feedback) -> None:
        """`ValueError` unless both have the same window."""
        if self.window != other.window:
            raise ValueError(f"windows of {self.window:g} and {other.window:g} seconds can't be compared")


@dataclass(frozen=True, slots=True)
class FeedbackFinding:
    """Treatment − control at one look, by each way to count the units without feedback, and what all of them say.

    ``complete``: only units with feedback. ``lowest``, ``highest``: all units, with the lowest or the highest possible
    value for the missing: "missing as no" and "missing as yes". ``worst``, ``best``: all units, with the missing of
    the two arms taken against treatment, and for it. ``given``: the share of units that gave feedback.

    ``answer``: "better", "worse" or, with a margin, "not worse" where ``complete``, ``lowest`` and ``highest`` say so,
    and where ``given`` differs between the arms ``worst`` (for "worse", ``best``) as well. "cannot tell" otherwise.

    Source: as `feedback_difference`.

    >>> arm = Feedback(units=100, given=Moments(60, 30, 30), window=604_800)
    >>> feedback_difference(arm, arm, tau=0.1, response=0.6).answer
    'cannot tell'
    """

    complete: Estimate | NotEnough
    lowest: Estimate | NotEnough
    highest: Estimate | NotEnough
    worst: Estimate | NotEnough
    best: Estimate | NotEnough
    given: Estimate | NotEnough
    answer: Answer


def feedback_difference(
    control: Feedback,
    treatment: Feedback,
    *,
    tau: float,
    response: float,
    within: Bounds = SHARE,
    margin: float | None = None,
    level: float = 0.95,
) -> FeedbackFinding:
    """Whether feedback is better or worse under treatment, at any look, whichever way the missing are counted.

    ``within``: the lowest and the highest value, (0, 1) for yes and no, (1, 5) for ratings; more is better. ``tau``: as
    in `always_valid`, on the scale of the values; ``response``: the share of units that is expected to give feedback,
    which scales τ for the analyses of all units. ``margin`` > 0 asks for "not worse" too, one-sided at (1 − level).
    All are frozen. `ValueError` for arms whose windows differ, and for values outside the bounds.

    An arm in which some of those who would answer don't, whoever they are, moves ``lowest`` and ``highest`` apart: one
    of them can't show the difference that the missing pretend. Where one arm gains answers of one kind while it loses
    as many of the other, only ``worst`` shows it, and that is asked for from when ``given`` differs.

    Source: Horowitz & Manski (2000), JASA 95:77-84, the bounds; Little & Rubin (2019), Statistical Analysis with
    Missing Data; Zhang & Rubin (2003), J. Educ. Behav. Stat. 28:353-368, on outcomes that an arm can prevent.

    >>> before = Feedback(units=4_000, given=Moments(2_000, 1_000, 1_000), window=604_800)
    >>> after = Feedback(units=4_000, given=Moments(2_010, 1_210, 1_210), window=604_800)
    >>> found = feedback_difference(before, after, tau=0.05, response=0.5)
    >>> print(found.answer, found.complete, sep=": ")
    better: 0.102 (0.05445 to 0.1495; 95 %, n = 4,010, difference of means, always valid)
    """
    control.check_same(treatment)
    if not 0 < response <= 1 or (margin is not None and not margin > 0):
        raise ValueError(f"a response of {response} and a margin of {margin}: a share, and a number above 0")
    taus = dict.fromkeys(WAYS, tau * response) | {"complete": tau}
    effects = _effects(control, treatment, within)
    found = {way: always_valid(effect, tau=taus[way], level=level) for way, effect in effects.items()}
    shares = (Moments(arm.units, arm.given.n, arm.given.n) for arm in (control, treatment))
    given = always_valid(mean_difference(*shares, within=SHARE), tau=tau, level=level)
    differs = isinstance(given, NotEnough) or not given.low <= 0 <= given.high
    answer: Answer = "cannot tell"
    if _all(found, differs, "worst", above=True):
        answer = "better"
    elif _all(found, differs, "best", above=False):
        answer = "worse"
    elif margin is not None:
        moved = Feedback(control.units, _less(control.given, margin), control.window)
        effects = _effects(moved, treatment, (within[0] - margin, within[1]), ends=within)
        bounds = {way: at_least(effect, tau=taus[way], alpha=1 - level) for way, effect in effects.items()}
        answer = "not worse" if _all(bounds, differs, "worst", above=True) else answer
    return FeedbackFinding(**found, given=given, answer=answer)


def _effects(
    control: Feedback, treatment: Feedback, within: Bounds, *, ends: Bounds | None = None
) -> dict[str, Effect | NotEnough]:
    """The difference by each way to count the missing; ``ends``: the values that they are given, if not the bounds."""
    low, high = ends or within
    (lows, highs) = ([arm.filled(end) for arm in (control, treatment)] for end in (low, high))
    pairs = (control.given, treatment.given), lows, highs, (highs[0], lows[1]), (lows[0], highs[1])
    return {way: mean_difference(*pair, within=within) for way, pair in zip(WAYS, pairs, strict=True)}


def _all(found: dict[str, Estimate | NotEnough], differs: bool, bound: str, *, above: bool) -> bool:
    """Whether every way that is asked has its interval on that side of 0."""
    asked = [found[way] for way in (*ASKED, *((bound,) if differs else ()))]
    return all(isinstance(one, Estimate) and (one.low > 0 if above else one.high < 0) for one in asked)


def _less(given: Moments, margin: float) -> Moments:
    """The sums of values that are each smaller by the margin."""
    return Moments(given.n, given.x - margin * given.n, given.xx - 2 * margin * given.x + margin**2 * given.n)
