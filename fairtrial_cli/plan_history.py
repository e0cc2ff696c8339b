"""What the store already knows for a plan: how many new units a week, and where the control stands today."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from fairtrial.domain.plan import Experiment
    from fairtrial.store.traffic.traffic import Traffic, VariantTraffic

WEEK_US = 7 * 86_400 * 1_000_000
LEAST = 100
"""Answers or requests of the control before its rate is taken for its level."""


@dataclass(frozen=True, slots=True)
class History:
    """``per_week``: new units a week that count, ``None`` where nothing was seen; ``levels``: the control's, by metric.

    ``arrivals``: where ``per_week`` comes from, in words; ``answering``: the share of units that send the feedback.
    """

    per_week: float | None
    levels: dict[str, float]
    arrivals: str = ""
    answering: float = 1.0

    def notes(self, *, per_week: bool, levels: Collection[str]) -> Iterator[str]:
        """What a reader must know of the figures that are used: the units of a week or not, and these levels."""
        if per_week and self.arrivals:
            yield self.arrivals
        yield from (f"{metric} of the control in 14 days: {self.levels[metric]:.2%}" for metric in levels)
        if self.answering < 1:
            counted = "they alone are counted" if per_week else "--per-week must count them alone"
            yield f"{self.answering:.0%} of the units send the feedback: {counted}"


NOTHING = History(None, {})


def read_history(project: Project, experiment: Experiment, *, now_us: int, weeks: int) -> History:
    """The last 14 days of the experiment's traffic, from the owner of the store; nothing where there is no store."""
    if not project.layout.store.exists():
        return NOTHING
    from fairtrial_cli.store_client.client import open_owner

    with open_owner(project.layout) as owner:
        owner.ingest_now()
        fortnight, week = (
            owner.traffic(experiment=experiment.name, since_us=now_us - count * WEEK_US) for count in (2, 1)
        )
    return history(experiment, fortnight, week, weeks=weeks)


def history(experiment: Experiment, fortnight: Sequence[Traffic], week: Sequence[Traffic], *, weeks: int) -> History:
    """What 14 days and the last 7 of them tell.

    Users come back: a trial of several weeks gets the users of a week, and then each week those who were not there
    before. Of the treatment nothing is read but how many units it had.
    """
    both = _units(fortnight)
    if not both:
        return NOTHING
    last = _units(week) or both
    others = max(0, both - last)
    per_week = (last + (weeks - 1) * others) / weeks
    told = (
        f"{last:,} units in a week, {others:,} others in the one before: {per_week:,.0f} new ones a week over {weeks}"
    )
    control = next((one for one in fortnight[0].variants if one.variant == experiment.control), None)
    if control is None:
        return History(per_week, {}, told)
    answering = _answering(experiment, control)
    return History(per_week * answering, dict(_levels(control)), told, answering)


def _units(traffic: Sequence[Traffic]) -> int:
    return sum(variant.units for one in traffic for variant in one.variants)


def _levels(control: VariantTraffic) -> Iterator[tuple[str, float]]:
    """Shares of the control that enough have shown, and that are neither 0 nor 1."""
    counted = {f"feedback.{key}": (one.rated, one.rate) for key, one in control.feedback.items()}
    counted["requests.error_rate"] = control.requests, control.error_rate
    fallbacks = control.fallbacks / control.requests if control.requests else None
    counted["requests.fallback_rate"] = control.requests, fallbacks
    for metric, (n, rate) in counted.items():
        if n >= LEAST and rate is not None and 0 < rate < 1:
            yield metric, rate


def _answering(experiment: Experiment, control: VariantTraffic) -> float:
    """The share of units that send the primary feedback; all of them where it is no feedback."""
    family, _, key = experiment.primary.metric.partition(".") if experiment.primary else ("", "", "")
    found = control.feedback.get(key)
    if family != "feedback" or found is None or not control.units or found.rated < LEAST:
        return 1.0
    return min(1.0, found.rated / control.units)
