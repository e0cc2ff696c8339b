"""Late or missing feedback: a difference counts only if every way to fill in the missing values agrees."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from fairtrial.domain.estimates import Answer, Estimate, NotEnough
from fairtrial.stats.always_valid import always_valid, at_least
from fairtrial.stats.arms.means import mean_difference
from fairtrial.stats.effects import Effect
from fairtrial.stats.sums import Bounds, Moments

__all__ = [
    "Feedback",
    "FeedbackFinding",
    "feedback_difference",
    "least_response",
    "worst_case_difference",
]

SHARE: Bounds = (0.0, 1.0)
WAYS = ("complete", "lowest", "highest", "worst", "best")
Interval = Callable[[Effect | NotEnough, float, float], Estimate | NotEnough]
"""The interval of an effect, given τ and a two-sided level."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One arm: the ``units`` whose ``window`` is complete, and ``given``, the values of those with feedback in it.

    ``window`` is the time in seconds after a unit's first exposure during which feedback counts. It is frozen and the
    same for all units. Units whose window is still open are left out together with their feedback, because otherwise
    the arm that answers sooner would have more of it. Raises `ValueError` for more values than units, and for arms or
    parts with different windows.

    Source: Little & Rubin (2019), Statistical Analysis with Missing Data.

    >>> Feedback.of([0, 10, 20, 95], [5, None, 90, 96], [1, None, 0, 1], window=50, until=100)
    Feedback(units=3, given=Moments(n=1, x=1.0, xx=1.0), window=50)
    """

    units: int
    given: Moments
    window: float

    def __post_init__(self) -> None:
        if not (0 < self.window < inf and 0 <= self.given.n <= self.units):
            raise ValueError(
                f"impossible feedback: {self.given.n} values of {self.units} units in a window of {self.window} s"
            )

    @classmethod
    def of(cls, exposed: ArrayLike, answered: ArrayLike, values: ArrayLike, *, window: float, until: float) -> Self:
        """Builds the arm from each unit's exposure time, feedback time (NaN or None: none yet) and value.

        Times are seconds on one clock, and exposure is the unit's first. ``until`` is the time of the look; windows
        that end after it are open. Feedback after the end of its window does not count. Raises `ValueError` for
        feedback before its exposure.
        """
        start, end, value = (np.asarray(column, dtype=np.float64).ravel() for column in (exposed, answered, values))
        if not len(start) == len(end) == len(value):
            raise ValueError(
                f"{len(start)} exposures, {len(end)} answers and {len(value)} values can't be matched by unit"
            )
        if not np.isfinite(start).all() or np.isnan(until):
            raise ValueError("each exposure and the look need a time")
        if (end < start).any():
            raise ValueError(f"{np.count_nonzero(end < start)} units gave feedback before they were exposed")
        complete = start + window <= until
        counts = complete & (end <= start + window)  # comparisons with NaN are False
        return cls(int(np.count_nonzero(complete)), Moments.of(value[counts]), window)

    def __add__(self, other: Self) -> Self:
        self.check_same(other)
        return type(self)(self.units + other.units, self.given + other.given, self.window)

    @property
    def response(self) -> float | None:
        """The share of units that gave feedback; ``None`` without units."""
        return self.given.n / self.units if self.units else None

    def filled(self, value: float) -> Moments:
        """One value per unit, with ``value`` where feedback is missing."""
        missing = self.units - self.given.n
        return self.given + Moments(missing, missing * value, missing * value * value)

    def check_same(self, other: "Feedback") -> None:
        """Raise `ValueError` unless both have the same window."""
        if self.window != other.window:
            raise ValueError(f"windows of {self.window:g} and {other.window:g} seconds can't be compared")


@dataclass(frozen=True, slots=True)
class FeedbackFinding:
    """Treatment − control at one look, for each way to fill in missing feedback, and the common conclusion.

    ``complete`` uses only units with feedback. ``lowest`` and ``highest`` use all units and give missing feedback the
    lowest or the highest possible value: "missing as no" and "missing as yes". ``worst`` and ``best`` use all units and
    fill in the missing feedback of both arms against treatment, or in its favour. ``given`` compares the shares of
    units that gave feedback.

    ``answer`` is "better", "worse" or, with a margin, "not worse" if ``complete``, ``lowest`` and ``highest`` all show
    it. Where ``bounded``, ``worst`` (for "worse", ``best``) must show it as well: if that was asked for, or ``given``
    differs between the arms. Otherwise the answer is "cannot tell".

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
    bounded: bool
    answer: Answer

    @property
    def worst_case(self) -> Estimate | NotEnough:
        """From the lower end of ``worst`` to the upper end of ``best``, with the value of ``complete``."""
        ends = self.complete, self.worst, self.best
        for interval in ends:
            if isinstance(interval, NotEnough):
                return interval
        complete, worst, best = (interval for interval in ends if isinstance(interval, Estimate))
        return replace(complete, low=worst.low, high=best.high, n=worst.n, method=f"worst case of {worst.method}")

    def is_above(self, limit: float) -> bool:
        """Whether each required way shows a difference above the limit."""
        intervals = self._required(self.worst)
        return all(isinstance(interval, Estimate) and interval.low > limit for interval in intervals)

    def is_below(self, limit: float) -> bool:
        """Whether each required way shows a difference below the limit."""
        intervals = self._required(self.best)
        return all(isinstance(interval, Estimate) and interval.high < limit for interval in intervals)

    def _required(self, bound: Estimate | NotEnough) -> list[Estimate | NotEnough]:
        return [self.complete, self.lowest, self.highest, *((bound,) if self.bounded else ())]


def least_response(effect: float, within: Bounds = SHARE) -> float:
    """The share of units that must give feedback for an effect to be shown in the worst case: more than this.

    Source: as `worst_case_effect`.

    >>> round(least_response(0.1), 4)
    0.9091
    """
    span = within[1] - within[0]
    return span / (span + effect)


def feedback_difference(
    control: Feedback,
    treatment: Feedback,
    *,
    tau: float,
    response: float,
    within: Bounds = SHARE,
    margin: float | None = None,
    level: float = 0.95,
    interval: Interval | None = None,
    worse_beyond: float = 0.0,
    worst_case: bool = False,
) -> FeedbackFinding:
    """Whether feedback is better or worse under treatment, at any look, for every way to fill in missing values.

    ``within`` is the lowest and the highest value: (0, 1) for yes and no, (1, 5) for ratings. Higher is better. ``tau``
    is as in `always_valid`, on the scale of the values. ``response`` is the expected share of units that give feedback,
    which scales τ for the analyses of all units. A ``margin`` above 0 also tests for "not worse", one-sided at
    (1 − level). ``interval`` replaces the always-valid interval, as for planned looks. "Worse" is a decline of more
    than ``worse_beyond``. ``worst_case``: the worst case must agree in any case. All are frozen. Raises `ValueError`
    for arms with different windows, and for values outside the bounds.

    Source: Horowitz & Manski (2000), JASA 95:77-84, the bounds; Zhang & Rubin (2003), J. Educ. Behav. Stat. 28:353-368.

    >>> before = Feedback(units=4_000, given=Moments(2_000, 1_000, 1_000), window=604_800)
    >>> after = Feedback(units=4_000, given=Moments(2_010, 1_210, 1_210), window=604_800)
    >>> found = feedback_difference(before, after, tau=0.05, response=0.5)
    >>> print(found.answer, found.complete, sep=": ")
    better: 0.102 (0.05445 to 0.1495; 95 %, n = 4,010, difference of means, always valid)
    """
    control.check_same(treatment)
    if not 0 < response <= 1 or (margin is not None and not margin > 0):
        raise ValueError(f"the response must be a share above 0, and the margin above 0, not {response} and {margin}")
    taus = dict.fromkeys(WAYS, tau * response) | {"complete": tau}
    effects = _effects(control, treatment, within)
    look = interval or _always
    intervals = {way: look(effect, taus[way], level) for way, effect in effects.items()}
    given = look(_response_difference(control, treatment), tau, level)
    bounded = worst_case or isinstance(given, NotEnough) or not given.low <= 0 <= given.high
    finding = FeedbackFinding(**intervals, given=given, bounded=bounded, answer="cannot tell")
    if finding.is_above(0.0):
        return replace(finding, answer="better")
    if finding.is_below(-worse_beyond):
        return replace(finding, answer="worse")
    if margin is not None:
        effects = _effects_beyond(control, treatment, within, margin)
        bounds = {way: (interval or _at_least)(effect, taus[way], 2 * level - 1) for way, effect in effects.items()}
        if FeedbackFinding(**bounds, given=given, bounded=bounded, answer="not worse").is_above(0.0):
            return replace(finding, answer="not worse")
    return finding


def worst_case_difference(
    control: Feedback, treatment: Feedback, *, within: Bounds = SHARE, margin: float = 0.0
) -> Effect | NotEnough:
    """Treatment − control + margin, with each missing answer counted against the treatment.

    Source: as `worst_case_effect`.

    >>> arm = Feedback(units=100, given=Moments(90, 60, 60), window=604_800)
    >>> found = worst_case_difference(arm, arm)
    >>> print(f"{found.value:.2f}")  # 60 of 100 against 70 of 100
    -0.10
    """
    return _effects_beyond(control, treatment, within, margin)["worst"]


def _effects_beyond(
    control: Feedback, treatment: Feedback, within: Bounds, margin: float
) -> dict[str, Effect | NotEnough]:
    """The differences from the control's values less the margin; missing values are not moved."""
    moved = Feedback(control.units, _less(control.given, margin), control.window)
    return _effects(moved, treatment, (within[0] - margin, within[1]), ends=within)


def _response_difference(control: Feedback, treatment: Feedback) -> Effect | NotEnough:
    """The difference of the shares of units that gave feedback."""
    return mean_difference(
        *(Moments(feedback.units, feedback.given.n, feedback.given.n) for feedback in (control, treatment)),
        within=SHARE,
    )


def _always(effect: Effect | NotEnough, tau: float, level: float) -> Estimate | NotEnough:
    return always_valid(effect, tau=tau, level=level)


def _at_least(effect: Effect | NotEnough, tau: float, level: float) -> Estimate | NotEnough:
    """The one-sided bound whose two-sided level is this one."""
    return at_least(effect, tau=tau, alpha=(1 - level) / 2)


def _effects(
    control: Feedback, treatment: Feedback, within: Bounds, *, ends: Bounds | None = None
) -> dict[str, Effect | NotEnough]:
    """The difference for each way to fill in missing values; ``ends``: the fill values, by default the bounds."""
    low, high = ends or within
    (lows, highs) = ([arm.filled(end) for arm in (control, treatment)] for end in (low, high))
    pairs = (control.given, treatment.given), lows, highs, (highs[0], lows[1]), (lows[0], highs[1])
    return {way: mean_difference(*pair, within=within) for way, pair in zip(WAYS, pairs, strict=True)}


def _less(given: Moments, margin: float) -> Moments:
    """The sums of the values, each reduced by the margin."""
    return Moments(given.n, given.x - margin * given.n, given.xx - 2 * margin * given.x + margin**2 * given.n)
