"""The question about one metric that a trial answers, the design that questions share, and the course of a trial."""

from dataclasses import dataclass, replace
from math import inf, isfinite, sqrt
from typing import Literal

from fairtrial.stats.arguments import Bounds
from fairtrial.stats.sizes import variance_of_shares, worst_case_effect

__all__ = ["Course", "Design", "Question", "Terms", "TrialEnding"]

Kind = Literal["superior", "not worse"]
KINDS: tuple[Kind, ...] = ("superior", "not worse")
Mode = Literal["monitor", "planned", "fixed"]
MODES: tuple[Mode, ...] = ("monitor", "planned", "fixed")
RARE = 0.02
"""Below this rate, whether it becomes better is decided by conversions."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to show about one metric: that it is better by ``effect``, or not worse by it.

    ``baseline`` is the control's level as known in advance. ``sd`` is the standard deviation of single units, or
    ``None`` for a share of units. ``effect`` is above 0, on the metric's scale: the smallest effect worth finding, or
    the margin. ``relative`` says that a margin is a share of the control's level, which is then uncertain too. ``left``
    is the share of the variance that remains after an adjustment for earlier data (CUPED), above 0 and at most 1.
    ``scored`` says whether answers that nobody saw can be scored for it. Raises `ValueError` for impossible values.

    ``rate``: a rate of requests, decided by each unit's share of bad ones. ``guardrail``: watched at any time, also if
    the primary metric has planned looks. ``window_days``: how long a unit is observed until it counts. ``tau``: as in
    `always_valid`, by default the effect. ``cap``: the largest amount of a unit that counts in full, and ``tail`` the
    share of the control's units above it, which must not grow by over a point.
    ``tail_truth`` is the assumed share of the treatment above it.
    ``response``: the share of units that give feedback, where the worst case of the others must agree; ``None`` if it
    need not. ``within``: the lowest and the highest value. Units are counted with feedback.
    ``anchored``: a relative margin refers to the level before the start, so the control's level in the trial
    does not matter. ``scales``: the spread changes with the level, as that of amounts and latencies. ``planned``: the
    units of both arms at which planned looks have spent all of alpha, if they are frozen.

    >>> Question("feedback.resolved", "superior", baseline=0.62, effect=0.03).truth
    0.65
    """

    metric: str
    kind: Kind
    baseline: float
    effect: float
    sd: float | None = None
    lower_is_better: bool = False
    relative: bool = False
    left: float = 1.0
    scored: bool = False
    rate: bool = False
    guardrail: bool = False
    window_days: float = 0.0
    tau: float | None = None
    cap: float | None = None
    tail: float | None = None
    tail_truth: float | None = None
    anchored: bool = False
    scales: bool = False
    response: float | None = None
    within: Bounds = (0.0, 1.0)
    planned: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.metric}: a question can't be {self.kind!r}; use one of {', '.join(KINDS)}")
        if self.response is not None and not 0 < self.response <= 1:
            raise ValueError(
                f"{self.metric}: the share with feedback must be above 0 and at most 1, not {self.response:g}"
            )
        if not isfinite(self.baseline):
            raise ValueError(f"{self.metric}: the baseline must be finite, not {self.baseline}")
        if self.relative and self.baseline == 0:
            raise ValueError(f"{self.metric}: no margin can be relative to a level of 0")
        if not 0 < self.effect < inf:
            raise ValueError(f"{self.metric}: an effect of {self.effect:g} can't be planned for; it must be above 0")
        if not 0 < self.left <= 1:
            raise ValueError(
                f"{self.metric}: the variance left by an adjustment must be above 0 and at most 1, not {self.left:g}"
            )
        if self.sd is not None:
            if not 0 < self.sd < inf:
                raise ValueError(f"{self.metric}: a standard deviation of {self.sd:g} must be above 0")
        elif not (0 < self.baseline < 1 or (self.rate and self.baseline in (0, 1))):
            raise ValueError(f"{self.metric}: a share of {self.baseline:g} must lie between 0 and 1")
        elif not 0 < self.baseline + self.direction * self.effect < 1:
            way = "fall" if self.direction < 0 else "rise"
            raise ValueError(
                f"{self.metric}: a share of {100 * self.baseline:g}% can't {way} by {100 * self.effect:g} points"
            )

    @property
    def direction(self) -> int:
        """The sign of the effect: a gain for ``superior``, a loss for ``not worse``."""
        better = -1 if self.lower_is_better else 1
        return better if self.kind == "superior" else -better

    @property
    def truth(self) -> float:
        """The assumed level of the treatment: better by the effect, or equal."""
        return round(self.baseline + (self.direction * self.effect if self.kind == "superior" else 0.0), 15)

    @property
    def sides(self) -> int:
        """2 for ``superior``, which also detects harm; 1 for ``not worse``."""
        return 2 if self.kind == "superior" else 1

    @property
    def scale(self) -> float:
        """The factor of the control's level in the test: 1 ± a relative margin, otherwise 1."""
        if not self.relative or self.anchored or self.kind == "superior":
            return 1.0
        return 1 + self.direction * self.effect / self.baseline

    @property
    def treatment_sd(self) -> float:
        """The standard deviation of the treatment's units; 0 for a share."""
        return (self.sd or 0.0) * (abs(self.truth / self.baseline) if self.scales and self.baseline else 1.0)

    @property
    def can_be_shown(self) -> bool:
        """Whether enough units show it; the worst case of missing feedback may leave nothing of the effect."""
        return self.response is None or self.in_worst_case(0.5) is not None

    def in_worst_case(self, share: float) -> "Question | None":
        """The same question with each missing answer counted for the other side; ``None`` if nothing can show it.

        ``share``: the treatment's share of the units. Its spread is the mean of both arms' by their weights in the
        variance of the difference.
        """
        response = 1.0 if self.response is None else self.response
        effect = worst_case_effect(self.effect, response=response, within=self.within)
        if not effect > 0:
            return None
        low, high = self.within if not self.lower_is_better else self.within[::-1]
        allowed = 0.0 if self.kind == "superior" else self.direction * self.effect
        arms = (self.baseline + allowed, self.baseline, high), (self.truth, self.truth, low)
        control, treatment = (
            response * (self._spread(mean) ** 2 + (1 - response) * (level - fill) ** 2) for level, mean, fill in arms
        )
        spread = sqrt(share * control + (1 - share) * treatment)
        tau = (self.tau or self.effect) * response
        return replace(
            self, effect=effect, sd=spread, tau=tau, left=self.left * response, response=None, relative=False
        )

    def _spread(self, level: float) -> float:
        return sqrt(level * (1 - level)) if self.sd is None else self.sd

    def unit_variance(self, share: float) -> float:
        """The variance of treatment − control, or of treatment − (1 ± margin) control, times the units."""
        if self.sd is None:
            variance = variance_of_shares(self.baseline, self.truth, share=share)
            control = self.baseline * (1 - self.baseline) / (1 - share)
        else:
            control = self.sd**2 / (1 - share)
            variance = control + self.treatment_sd**2 / share
        return self.left * (variance + (self.scale**2 - 1) * control)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a trial is planned with.

    ``power`` is the probability that all questions are answered well if all is as planned. ``weeks`` is the longest
    duration. ``inflation`` is the design effect of units that come in clusters.

    >>> Terms(weeks=2).power
    0.8
    """

    mode: Mode = "monitor"
    power: float = 0.8
    weeks: int = 6
    inflation: float = 1.0


@dataclass(frozen=True, slots=True)
class Design(Terms):
    """How the trial is run: new units per week in both arms, and what all questions share.

    ``share`` is the treatment's share of the units. ``guardrail_alpha`` is the error probability of calling one
    guardrail safe. ``lag`` is the time in weeks until a unit counts.
    ``metrics``: the number of all metrics of the trial, of which the questions may be a part.

    >>> Design(per_week=4000.0).most
    24000.0
    """

    per_week: float
    share: float = 0.5
    alpha: float = 0.05
    guardrail_alpha: float = 0.05
    lag: float = 0.0
    metrics: int = 0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"{self.mode!r} is not a way to look; use one of {', '.join(MODES)}")
        if not (0 < self.per_week < inf and self.weeks >= 1 and 1 <= self.inflation < inf):
            raise ValueError("a trial needs units, a week or more, and a design effect of 1 or more")
        if not (0 < self.share < 1 and 0 < 2 * self.alpha < self.power < 1):
            raise ValueError(
                f"share {self.share:g}, α {self.alpha:g} and power {self.power:g} must be between 0 and 1, "
                "and power above 2 α"
            )

    @property
    def most(self) -> float:
        """Units in both arms that count at the end of the longest duration."""
        return self.per_week * max(0.0, self.weeks - self.lag)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnding:
    """How a trial ends if the effect is as large as assumed.

    ``mean_stop`` is the mean number of units at the end; a trial that never decides counts with its last look.
    ``exaggeration`` is the effect that deciding trials show, as a multiple of the true one (type-M error), or ``None``
    if unknown.

    >>> TrialEnding(mean_stop=170.0, exaggeration=1.3).mean_stop
    170.0
    """

    mean_stop: float
    exaggeration: float | None = None


@dataclass(frozen=True, slots=True)
class Course(TrialEnding):
    """A trial's looks, and the probability of each decision if the effect is as large as assumed.

    ``units`` counts the units in both arms at each look. ``power`` is the probability that the trial has decided for
    the effect by then.

    >>> Course(units=(100.0, 200.0), power=(0.3, 0.8), mean_stop=170.0, exaggeration=1.3).needed(0.8)
    200.0
    """

    units: tuple[float, ...]
    power: tuple[float, ...]

    def needed(self, power: float) -> float | None:
        """Units at the first look with this power; ``None`` if none has it."""
        return next((n for n, reached in zip(self.units, self.power, strict=True) if reached >= power), None)
