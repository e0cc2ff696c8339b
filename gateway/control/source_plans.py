"""Plans the sources of an experiment before it starts: when they decide, and which mix is the cheapest."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt

from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import Experiment
from fairtrial.domain.promises import SHADOW_MARGIN
from fairtrial.domain.settings import SPLIT
from fairtrial.domain.wording import counted
from fairtrial.stats.planning.mixes import Mix, PairedSource, cheapest_mix, plan_mix
from fairtrial.stats.planning.question import Design
from fairtrial.stats.planning.trial import PlannedMetric, option

EVEN = 0.5
"""The level of a scorer that nobody stated, at which answers vary most."""


@dataclass(frozen=True, slots=True)
class SourcesPlan:
    """``declared``: the mix of the file; ``cheapest``: the best of all; ``alone_weeks``: those of the split alone,
    if everyone is enrolled.

    ``power``: what each needs. ``first_week``: the week before whose end nothing counts. ``gains``: by scorer.
    """

    declared: Mix | None
    cheapest: Mix | None
    alone_weeks: int | None
    power: float
    pairs_a_week: float
    users_a_week: float
    first_week: int
    gains: Mapping[str, float]

    @property
    def weeks(self) -> int | None:
        """Those after which the declared sources have the power; ``None`` if they don't."""
        return None if self.declared is None else self._weeks(self.declared)

    def lines(self) -> Iterator[str]:
        """What the plan says of its sources."""
        if self.declared is not None:
            yield f"By its sources: {self._described(self.declared)}."
        gains = ", ".join(f"{name} gains {100 * gain:.3g} points" for name, gain in self.gains.items())
        best = "no mix decides in time" if self.cheapest is None else self._described(self.cheapest)
        alone = "not at all" if self.alone_weeks is None else counted(self.alone_weeks, "week")
        yield f"The cheapest mix, if {gains}: {best}; by the split alone, with everyone enrolled, {alone}."

    def _described(self, mix: Mix) -> str:
        shares = ", ".join(f"{name} {share:g}" for name, share in mix.shares.items())
        weeks = self._weeks(mix)
        if weeks is None:
            return f"{shares}: not decided in {counted(len(mix.weekly), 'week')} (power {mix.weekly[-1]:.0%})"
        pairs = f"{ceil(self.pairs_a_week * weeks):,} pairs and " if len(mix.shares) > 1 else ""
        users = f"{ceil(self.users_a_week * weeks):,} users of the split"
        return f"{shares}: {pairs}{users}, in {counted(weeks, 'week')} (power {mix.weekly[weeks - 1]:.0%})"

    def _weeks(self, mix: Mix) -> int | None:
        weeks = mix.weeks(self.power)
        return None if weeks is None or self.first_week > len(mix.weekly) else max(weeks, self.first_week)


def plan_sources(
    experiment: Experiment,
    primary: PlannedMetric,
    design: Design,
    *,
    scorers: Sequence[str],
    gains: Mapping[str, float],
    spreads: Mapping[str, float],
    first_week: int,
) -> SourcesPlan | None:
    """The plan of its sources; ``None`` without a scorer. ``gains`` and ``spreads``: by source, as ``shadow.NAME``.

    A scorer is taken to gain what the primary metric does, and to have a level of 50 % and one pair of each user.
    """
    names = dict.fromkeys([*(f"shadow.{name}" for name in scorers), *experiment.sources])
    names.pop(SPLIT, None)
    if unknown := sorted({*gains, *spreads} - names.keys()):
        raise UsageError(f"{unknown[0]}: not a source of {experiment.name} (known: {', '.join(names) or 'none'})")
    if not names or experiment.primary is None or experiment.primary.require != "superior":
        return None
    question, pairs_a_week = primary.question, _pairs_a_week(experiment, design)
    usual = min(question.effect, EVEN / 2) if question.sd is None and not question.rate else SHADOW_MARGIN
    known = {name: gains.get(name, usual) for name in names}
    paired = [PairedSource(name, pairs_a_week, gain, spreads.get(name, _spread(gain))) for name, gain in known.items()]
    whole = question, design, paired
    declared = plan_mix(*whole, experiment.sources, primary.power) if experiment.sources else None
    everyone = replace(design, per_week=design.per_week * 100 / experiment.stage)
    alone = option(replace(question, planned=None), everyone, primary.power).weeks
    cheapest = cheapest_mix(*whole, primary.power)
    return SourcesPlan(declared, cheapest, alone, primary.power, pairs_a_week, design.per_week, first_week, known)


def _pairs_a_week(experiment: Experiment, design: Design) -> float:
    """The users with a pair each week: those of the control and outside the stage. Without a shadow, all are copied."""
    users = design.per_week * 100 / experiment.stage - design.per_week * design.share
    return users * (100.0 if experiment.shadow is None else experiment.shadow.percent) / 100


def _spread(gain: float) -> float:
    """The standard deviation of the difference of two answers that are right by chance alone, which is the most."""
    return sqrt(EVEN**2 + (EVEN + gain) * (EVEN - gain))
