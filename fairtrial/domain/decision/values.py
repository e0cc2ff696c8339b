"""Defines the decision of an experiment about one treatment, which every surface prints and none derives again."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from fairtrial.domain.decision.arms import Arm, Interval
from fairtrial.domain.decision.by_request import ByRequest
from fairtrial.domain.decision.sources import SourcesDecision
from fairtrial.domain.decision.split import Split
from fairtrial.domain.estimates import Forecast
from fairtrial.domain.settings import Missing, Undoing, UnitKind

Answer = Literal["better", "worse", "not worse", "undecided"]
GuardrailAnswer = Literal["harmed", "declined", "safe", "open"]
ANSWERED: Mapping[GuardrailAnswer, str] = {
    "harmed": "harm is proven",
    "declined": "a decline is proven",
    "safe": "proven safe",
    "open": "no harm is proven; not proven safe yet",
}
Proof = Literal["harmed", "worse", Undoing]


class WeekEffect(msgspec.Struct, frozen=True):
    """Treatment − control in one week, with the 95 % interval for one look, and the units behind it.

    ``weight``: the precision, as the units of two equal arms would have it. The ends are ``None`` without spread.
    """

    value: float
    low: float | None
    high: float | None
    units: int
    weight: float


WeekEffects = tuple[WeekEffect | None, ...]


class EffectOverTime(msgspec.Struct, frozen=True):
    """The effect on the primary metric by week, ``None`` for a week without data of both arms.

    ``weeks`` begin with the plan, and ``ages`` with each unit's first exposure. ``week_after_next``: where a
    straight line through the weeks leads, ``None`` until two weeks have an effect. ``fades``: whether this or the last
    week is worse. ``holds``: whether that, or too few weeks, keeps *better* from passing as the plan asks for it.
    """

    weeks: WeekEffects
    ages: WeekEffects
    week_after_next: float | None
    fades: bool
    holds: bool


class MissingFeedback(msgspec.Struct, frozen=True):
    """What the units without feedback count as, and what the last look shows about them.

    ``control`` and ``treatment``: the shares of units that gave feedback. ``worst_case``: the difference with each
    missing answer counted for one side and for the other; ``must_agree``: whether it is asked too. ``least``: the share
    of units that must give feedback for the worst case to show the planned effect.
    """

    counts_as: Missing
    must_agree: bool
    control: float | None
    treatment: float | None
    worst_case: Interval | None
    least: float | None


class MetricDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that the primary metric and the guardrails share.

    ``interval`` is what decides: over all looks, or at the last planned one. ``look`` is that of the last look alone.
    ``answered_us``: when the answer was first given. ``changed``: intervals of different looks exclude each other, so
    that nothing but harm can be concluded. ``why``: why nothing can be told; empty if something can.
    ``missing_feedback`` is unset for what is no feedback.
    """

    metric: str
    control: Arm
    treatment: Arm
    interval: Interval | None
    look: Interval | None
    answered_us: int | None
    changed: bool
    why: str
    missing_feedback: MissingFeedback | msgspec.UnsetType = msgspec.UNSET


class PrimaryDecision(MetricDecision, frozen=True, kw_only=True):
    """The primary metric. ``counts_us``: from when the answer counts. ``planned_look``: its number, 0 without.

    ``meets``: whether the answer is what the plan requires. ``over_time`` is unset in decisions of earlier releases.
    """

    answer: Answer
    meets: bool
    counts_us: int | None
    planned_look: int
    next_look: str
    size: Forecast | None = None
    over_time: EffectOverTime | msgspec.UnsetType = msgspec.UNSET

    @property
    def held(self) -> bool:
        return self.meets and isinstance(self.over_time, EffectOverTime) and self.over_time.holds

    @property
    def fades(self) -> bool:
        return isinstance(self.over_time, EffectOverTime) and self.over_time.fades

    def counts(self, now_us: int) -> bool:
        """Whether the plan's requirement is met, no fading holds it, and the time has come from which it counts."""
        return self.meets and not (self.changed or self.held) and now_us >= (self.counts_us or now_us + 1)


class GuardrailDecision(MetricDecision, frozen=True, kw_only=True, omit_defaults=True):
    """One guardrail. ``room``: the evidence of the first stop as a share of what stops; ``None`` if unknown.

    ``log_e``: the largest logarithm of that evidence over all looks, and of harm once it is proven; ``log_kill``: the
    one that stops, ``None`` if the last look did not compute it. ``by_events``: harm is counted by units with an event,
    which an unbalanced split does not make invalid. ``declined``: whether a decline that pauses is proven. ``pause_at``
    and ``kill_at``: both stops on the metric's scale. ``missing``: the further units that prove it safe if the levels
    stay as they are. ``weighed``: the last look's difference with each request weighing the same; ``vetoed``: whether
    that is proven to be worse than the margin. ``by_request``: since rules 7, of a rate of requests.
    ``declined_levels``: of the control and the treatment at that proof. ``hours`` and ``firsts``: the units of both
    arms whose first hour, and whose first request, count for pause and kill.
    """

    answer: GuardrailAnswer
    signal: Literal["kill", "pause"]
    margin: float | None
    room: float | None
    log_e: float | None
    log_kill: float | None
    by_events: bool
    declined: bool = False
    declined_levels: tuple[float, float] | None = None
    pause_at: float | None = None
    kill_at: float | None = None
    missing: int | None = None
    weighed: Interval | None = None
    vetoed: bool = False
    by_request: ByRequest | None = None
    hours: int | None = None
    firsts: int | None = None


class KeptAway(msgspec.Struct, frozen=True):
    """How many requests of one arm an open breaker kept from it, of all its requests."""

    variant: str
    kept_away: int
    requests: int


class EarlierProof(msgspec.Struct, frozen=True):
    """What an attempt of the same definition has proven about it, or how it was undone, and what withdrew it.

    ``metric``, ``by`` and ``why``: of a proof, the metric; of a roll-back or kill, who did it and why.
    ``cleared_by``: the later attempt that proved the opposite, or the admin who withdrew it, with the reason; empty if
    the proof stands.
    """

    experiment: str
    segment: int
    variant: str
    metric: str
    proved: Proof
    at_us: int
    cleared_by: str = ""
    by: str = ""
    why: str = ""

    @property
    def stands(self) -> bool:
        return not self.cleared_by

    @property
    def blocks(self) -> bool:
        """Whether a roll-back or kill blocks the definition."""
        return self.stands and self.proved not in ("harmed", "worse")


class Tried(msgspec.Struct, frozen=True):
    """How many definitions the experiment's routes have tried against this control in 90 days, this one included.

    ``luck``: what the best of so many equal ones is expected to gain by chance, on the metric's scale.
    """

    definitions: int
    luck: float | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an experiment has decided about one treatment at its last look. Times are microseconds since 1970, UTC.

    ``at_us`` is that of the data, ``None`` before the first look. ``rules``: the number of the rules that decided.
    ``kept_away``: both arms, if a breaker kept requests from one of them. ``sources``: the answer of all sources, for
    a plan that has some; looks are stored without it.
    """

    experiment: str
    variant: str
    control: str
    unit: UnitKind
    segment: int
    revision: int
    attempt: int
    alpha: float
    rules: int
    at_us: int | None
    primary: PrimaryDecision | None
    guardrails: tuple[GuardrailDecision, ...]
    split: Split
    kept_away: tuple[KeptAway, ...] = ()
    sources: SourcesDecision | None = None

    @property
    def harmed(self) -> tuple[GuardrailDecision, ...]:
        """The guardrails that prove harm. Under an unbalanced split only counted events can prove harm."""
        return tuple(
            guardrail
            for guardrail in self.guardrails
            if guardrail.answer == "harmed" and (self.split.balanced or guardrail.by_events)
        )

    @property
    def pausing(self) -> tuple[GuardrailDecision, ...]:
        """The guardrails that pause: a decline is proven, or the request-weighted line is worse than the margin.

        Under an unbalanced split only counted events can prove a decline.
        """
        balanced, others = self.split.balanced, (each for each in self.guardrails if each not in self.harmed)
        return tuple(
            each for each in others if (each.declined and (balanced or each.by_events)) or (each.vetoed and balanced)
        )

    @property
    def safe(self) -> int:
        """How many guardrails are proven safe."""
        return sum(guardrail.answer == "safe" for guardrail in self.guardrails)

    @property
    def worse(self) -> bool:
        return self.split.balanced and self.primary is not None and self.primary.answer == "worse"

    @property
    def changed(self) -> tuple[str, ...]:
        """The metrics whose effect has changed since the start."""
        metrics = (self.primary, *self.guardrails) if self.primary else self.guardrails
        return tuple(metric.metric for metric in metrics if metric.changed)

    def later(self, late_us: int) -> "Decision":
        """The same decision, whose primary metric counts that much later."""
        if self.primary is None or self.primary.counts_us is None:
            return self
        counts_us = self.primary.counts_us + late_us
        return msgspec.structs.replace(self, primary=msgspec.structs.replace(self.primary, counts_us=counts_us))

    def counts(self, now_us: int) -> bool:
        """Whether the answer that the plan requires is given and counts: that of its sources, or of the split."""
        if self.sources is not None:
            return self.sources.counts(now_us)
        return self.primary is not None and self.primary.counts(now_us)

    def ships(self, now_us: int) -> bool:
        """Whether the answer counts, all guardrails are proven safe, and the split is balanced."""
        if not self.split.balanced or not self.counts(now_us):
            return False
        return all(
            guardrail.answer == "safe" and not (guardrail.changed or guardrail.vetoed) for guardrail in self.guardrails
        )
