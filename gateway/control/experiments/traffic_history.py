"""Estimates new units a week and the control's current levels from recent traffic."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from fairtrial.domain.plan import Experiment
from fairtrial.domain.promises import LEVEL_OBSERVATIONS
from fairtrial.domain.store_reports import AmountHistory, Traffic, VariantTraffic


@dataclass(frozen=True, slots=True)
class TrafficHistory:
    """``per_week``: new units a week that count, ``None`` without traffic; ``levels``: the control's, by metric.

    ``arrivals`` explains ``per_week``; ``answering`` is the share of units that send the primary feedback, ``None`` if
    that is unknown. ``amounts``: what is known of the control's costs and tokens.
    """

    per_week: float | None
    levels: dict[str, float]
    arrivals: str = ""
    answering: float | None = None
    amounts: Sequence[AmountHistory] = ()

    def answered_by(self, share: float) -> "TrafficHistory":
        """The same with another share of units that send the primary feedback."""
        counted = None if self.per_week is None else self.per_week / (self.answering or 1.0) * share
        return replace(self, per_week=counted, answering=share)

    def notes(self, *, per_week: bool, levels: Collection[str], all_units: bool = False) -> Iterator[str]:
        """Explanations of the figures that the plan uses; ``all_units``: also those without feedback are given."""
        if per_week and self.arrivals:
            yield self.arrivals
        yield from (f"{metric} of the control in the last 14 days: {self.levels[metric]:.2%}" for metric in levels)
        if self.answering is not None and self.answering < 1:
            counted = "only these are counted" if per_week or all_units else "--per-week must count only these"
            yield f"{self.answering:.0%} of the units send the feedback: {counted}"


NO_HISTORY = TrafficHistory(None, {})


def summarise_traffic(
    experiment: Experiment, fortnight: Sequence[Traffic], week: Sequence[Traffic], *, weeks: int
) -> TrafficHistory:
    """Summarise the last 14 days and the last 7 of them.

    Users come back, so each further week adds only the users who were not seen before. Of the treatment, only the
    number of units is read.
    """
    arrived = history_of_units(_units(fortnight), _units(week), weeks=weeks)
    if arrived.per_week is None:
        return NO_HISTORY
    per_week, arrivals = arrived.per_week, arrived.arrivals
    control = next((variant for variant in fortnight[0].variants if variant.variant == experiment.control), None)
    if control is None:
        return TrafficHistory(per_week, {}, arrivals)
    answering = _answering(experiment, control)
    return TrafficHistory(per_week * (answering or 1.0), dict(_levels(control)), arrivals, answering)


def history_of_units(both: int, last: int, *, weeks: int) -> TrafficHistory:
    """What the units of the last two weeks, and those of the last one, say about new units a week."""
    if not both:
        return NO_HISTORY
    last = last or both
    others = max(0, both - last)
    per_week = (last + (weeks - 1) * others) / weeks
    arrivals = (
        f"{last:,} units in the last week and {others:,} others in the week before, so about {per_week:,.0f} new units "
        f"a week over {weeks} {'week' if weeks == 1 else 'weeks'}"
    )
    return TrafficHistory(per_week, {}, arrivals)


def _units(traffic: Sequence[Traffic]) -> int:
    return sum(variant.units for route_traffic in traffic for variant in route_traffic.variants)


def _levels(control: VariantTraffic) -> Iterator[tuple[str, float]]:
    """The control's rates with enough data that are neither 0 nor 1."""
    counted = {f"feedback.{key}": (feedback.rated, feedback.rate) for key, feedback in control.feedback.items()}
    counted["requests.error_rate"] = control.received, control.error_rate
    fallbacks = control.fallbacks / control.requests if control.requests else None
    counted["requests.fallback_rate"] = control.requests, fallbacks
    for metric, (n, rate) in counted.items():
        if n >= LEVEL_OBSERVATIONS and rate is not None and 0 < rate < 1:
            yield metric, rate


def _answering(experiment: Experiment, control: VariantTraffic) -> float | None:
    """The share of units that send the primary feedback; ``None`` if there is too little, or it is not feedback."""
    family, _, key = experiment.primary.metric.partition(".") if experiment.primary else ("", "", "")
    feedback = control.feedback.get(key)
    if family != "feedback" or feedback is None or not control.units or feedback.rated < LEVEL_OBSERVATIONS:
        return None
    return min(1.0, feedback.rated / control.units)
