"""Plans a trial whose error level is spent over the split and pairs of answers: its power, and the cheapest shares."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from fairtrial.domain.promises import MIN_UNITS, SHADOW_MARGIN
from fairtrial.domain.settings import SPLIT
from fairtrial.stats.planning.courses import monitored
from fairtrial.stats.planning.proposals import weekly_power
from fairtrial.stats.planning.question import Course, Design, Question
from fairtrial.stats.planning.trial import option

__all__ = ["Mix", "PairedSource", "cheapest_mix", "plan_mix"]

TENTHS = 10
"""Shares are searched in tenths of the level."""
LOOKS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class PairedSource:
    """A scorer on pairs: its name, the users with a pair each week, its true gain, and the deviation of differences.

    >>> PairedSource("shadow.on_topic", per_week=200.0, effect=0.1, sd=0.7).power(0.04, weeks=4)[-1].__round__(2)
    0.85
    """

    name: str
    per_week: float
    effect: float
    sd: float

    def power(self, alpha: float, *, weeks: int) -> tuple[float, ...]:
        """The power at the end of each week, if it is looked at each day at this two-sided level."""
        days = range(1, weeks * LOOKS_A_WEEK + 1)
        looks = [units for day in days if (units := self.per_week * day / LOOKS_A_WEEK) >= MIN_UNITS]
        if not looks:
            return (0.0,) * weeks
        course: Course = monitored(self.effect, self.sd**2, looks, tau=SHADOW_MARGIN, alpha=alpha)
        return weekly_power(course, Design(per_week=self.per_week, weeks=weeks))


@dataclass(frozen=True, slots=True)
class Mix:
    """The shares of the error level, and the power at the end of each week that one source at least has decided.

    >>> Mix({"split": 1.0}, (0.2, 0.7, 0.9)).weeks(0.8)
    3
    """

    shares: Mapping[str, float]
    weekly: tuple[float, ...]

    def weeks(self, power: float) -> int | None:
        """The first week with this power; ``None`` if none has it."""
        return next((week for week, reached in enumerate(self.weekly, 1) if reached >= power), None)


def plan_mix(
    question: Question, design: Design, paired: Sequence[PairedSource], shares: Mapping[str, float], power: float
) -> Mix:
    """The power of a plan that spends these shares of the error level; each source is wanted to have ``power`` alone.

    Sources that have a share and nothing known are missed for certain. The misses of the others count as independent.

    Source: weighted Bonferroni (Holm 1979) for the level, `monitored` and `option` for each source.

    >>> pairs = PairedSource("shadow.on_topic", per_week=200.0, effect=0.1, sd=0.7)
    >>> question, design = Question("resolved", "superior", 0.6, 0.1), Design(per_week=40.0, weeks=4)
    >>> mix = plan_mix(question, design, [pairs], {"split": 0.2, "shadow.on_topic": 0.8}, 0.8)
    >>> mix.weeks(0.8), round(mix.weekly[-1], 2)
    (4, 0.85)
    """
    courses = [
        source.power(design.alpha * shares[source.name], weeks=design.weeks)
        for source in paired
        if source.name in shares
    ]
    if share := shares.get(SPLIT):
        own = replace(question, planned=None), replace(design, alpha=design.alpha * share)
        courses.append(option(*own, power, beyond=False).weekly)
    weekly = (1 - prod(1 - course[week] for course in courses) for week in range(design.weeks))
    return Mix(dict(shares), tuple(weekly))


def cheapest_mix(question: Question, design: Design, paired: Sequence[PairedSource], power: float) -> Mix | None:
    """The mix that decides first with this power, and with the most power then; ``None`` if none does in the weeks.

    The split alone is preferred, because it costs no copies. Others are the split and one scorer.

    Source: as `plan_mix`; the shares are searched in tenths.

    >>> pairs = PairedSource("shadow.on_topic", per_week=200.0, effect=0.1, sd=0.7)
    >>> question, design = Question("resolved", "superior", 0.6, 0.1), Design(per_week=40.0, weeks=4)
    >>> cheapest_mix(question, design, [pairs], 0.8).shares
    {'split': 0.1, 'shadow.on_topic': 0.9}
    """
    alone = plan_mix(question, design, paired, {SPLIT: 1.0}, power)
    if alone.weeks(power) is not None:
        return alone
    mixes = [plan_mix(question, design, paired, shares, power) for shares in _shares(paired)]
    decided = [(weeks, -mix.weekly[weeks - 1], at) for at, mix in enumerate(mixes) if (weeks := mix.weeks(power))]
    return mixes[min(decided)[-1]] if decided else None


def _shares(paired: Sequence[PairedSource]) -> Iterator[dict[str, float]]:
    for source in paired:
        for tenths in range(1, TENTHS):
            yield {SPLIT: tenths / TENTHS, source.name: (TENTHS - tenths) / TENTHS}
