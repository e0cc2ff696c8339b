"""Declares what the operations on experiments answer about their traffic. Its figures decide nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairtrial.api.experiment_answers import ExperimentStatus
from fairtrial.api.operation import Answer
from fairtrial.api.plans import PublishedExperiment
from fairtrial.domain.decision.split import ArmUnits
from fairtrial.domain.plan import FeedbackMetric
from fairtrial.domain.settings import Enrolment, Guardrail, KeptControl, Looks, Primary, UnitKind
from fairtrial.domain.store_reports import RequestCounts, Traffic


class ShownVariant(Answer, frozen=True, kw_only=True):
    """A variant, as in `Variant`, without its prompt. ``weight``: percent of the enrolled units."""

    name: str
    deployment: str
    weight: float
    params: Mapping[str, Any]
    fallbacks: tuple[str, ...]


class TimeWindow(Answer, frozen=True, kw_only=True):
    """The time window of the figures, in microseconds since 1970, UTC; ``since_us`` 0 means all time."""

    since_us: int
    until_us: int


class SplitCheck(Answer, frozen=True, kw_only=True):
    """The result of the test on first assignments under the current split.

    ``invalid``: the split was rejected at ``alpha``, first at unit number ``crossed_at``. The arms must not be
    compared, and later units do not change that. ``p``: the always-valid p-value, ``None`` before the first unit.
    ``p_fixed``: the p-value of the χ² test, valid for a single look planned in advance; ``None`` for too few units.
    ``earlier``: excluded units that only came under an earlier plan whose split may have differed. ``more``: whether
    only the first ``units`` units were tested because there are too many.
    """

    arms: tuple[ArmUnits, ...]
    units: int
    earlier: int
    p: float | None = None
    p_fixed: float | None = None
    crossed_at: int | None = None
    invalid: bool = False
    more: bool
    alpha: float


# The plan's `Experiment` also has the salt, and the prompts of variants, which no reader may see.
class ExperimentRow(PublishedExperiment, frozen=True, kw_only=True):
    """An experiment of the published configuration, as in `Experiment`, with its traffic and the test of its split."""

    question: str
    unit: UnitKind
    variants: tuple[ShownVariant, ...]
    primary: Primary | None
    guardrails: tuple[Guardrail, ...]
    analysis_hash: str
    kept_control: KeptControl | None
    enrolment: Enrolment
    feedback: tuple[FeedbackMetric, ...]
    max_weeks: int
    looks: Looks
    by_default: tuple[Guardrail, ...]
    traffic: Traffic
    srm: SplitCheck


class ExperimentDetails(ExperimentRow, frozen=True, kw_only=True):
    """An experiment with its live state and the time window of its figures."""

    live: ExperimentStatus
    window: TimeWindow


class ExperimentList(Answer, frozen=True, kw_only=True):
    """The published experiments, and the time window of their figures."""

    rows: list[ExperimentRow]
    window: TimeWindow


class Slot(RequestCounts, frozen=True, kw_only=True):
    """One variant in the slot that begins at ``at_us``."""

    at_us: int
    variant: str


@dataclass(frozen=True, slots=True)
class Latency:
    """``share`` of the variant's requests were answered within ``ms``."""

    variant: str
    share: float
    ms: float


class Series(Answer, frozen=True):
    """Slots of ``width_s`` seconds, one row for each variant in each, and the distribution of latencies."""

    width_s: int
    slots: tuple[Slot, ...]
    latencies: tuple[Latency, ...]


class VariantErrors(Answer, frozen=True):
    """How often one variant failed. Tries that a breaker kept from it count only in the last four: what users saw."""

    variant: str
    tries: int
    failed_tries: int
    calls: int
    failed_calls: int
    user_tries: int
    user_failed_tries: int
    user_calls: int
    user_failed_calls: int


class LiveRate(Answer, frozen=True):
    """A part of ``n`` answers, or a mean over them; ``value`` is ``None`` if no answer could be measured."""

    value: float | None
    n: int


class LiveSignals(Answer, frozen=True):
    """The signals of one variant, of ``answered`` answers, ``sampled`` of them with recorded texts."""

    variant: str
    answered: int
    sampled: int
    refusals: LiveRate
    format_valid: LiveRate
    tokens: LiveRate
    language_switch: LiveRate


class SignalList(Answer, frozen=True, kw_only=True):
    """The signals of each variant, and the time window of their answers."""

    rows: list[LiveSignals]
    window: TimeWindow
