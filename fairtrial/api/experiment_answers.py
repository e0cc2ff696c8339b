"""Declares what the operations on experiments answer about their states, decisions and releases."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType
from msgspec.json import decode

from fairtrial.api.experiment_box import Box
from fairtrial.api.operation import Answer, Time
from fairtrial.domain.decision.arms import Interval
from fairtrial.domain.decision.by_request import ByRequest
from fairtrial.domain.decision.slices import SliceFinding
from fairtrial.domain.decision.split import ArmUnits, LostRecords
from fairtrial.domain.decision.transition import Action, ShownEvidence, Transition
from fairtrial.domain.decision.values import (
    Answer as PrimaryAnswer,
    EarlierProof,
    EffectOverTime,
    GuardrailAnswer,
    KeptAway,
    MissingFeedback,
    Tried,
)
from fairtrial.domain.estimates import Forecast
from fairtrial.domain.metrics import Method
from fairtrial.domain.settings import Ending, ExperimentState, KeptControl, PersonsAction, UnitKind

Better = Literal["higher", "lower"]
PlanKind = Literal["start", "amend", "levels"]


class FileEdit(Answer, frozen=True):
    """The edit that makes a promotion permanent: the ``lines`` of the routes, and a ``note`` about what to do.

    ``in_force``: whether a route still leads to the experiment, so that the promotion has an effect.
    """

    lines: tuple[str, ...]
    note: str
    in_force: bool = True


class ExperimentStatus(Answer, frozen=True, kw_only=True):
    """The state of an experiment. ``possible``: what a person can do. ``accepted``: a sentence for each decline.

    ``stage`` and ``segment`` are ``None`` where only the file or only the store has the experiment. A kill by a file
    also has ``file``, its path; ``cause``, why it is not recorded yet; and ``notes``, what happens next.
    """

    name: str
    state: ExperimentState
    segment: int | None = None
    stage: Annotated[float | None, Meta(description="percent of the units that are enrolled")] = None
    serves: str | None = None
    kept_control: KeptControl | None = None
    treatments: tuple[str, ...] = ()
    sentence: str
    possible: tuple[PersonsAction, ...] = ()
    in_file: bool = True
    archived: bool = False
    edit: FileEdit | None = None
    last_transition: Transition | None = None
    accepted: tuple[str, ...] = ()
    file: str | UnsetType = UNSET
    cause: str | UnsetType = UNSET
    notes: tuple[str, ...] | UnsetType = UNSET


class StateChange(Answer, frozen=True, kw_only=True):
    """A change of an experiment's state. It is a `Transition` as stored: ``evidence`` is a JSON object as text."""

    number: int
    at_time: Time
    experiment: str
    action: Action
    to_state: ExperimentState
    actor: str
    why: str
    evidence: str | None

    @property
    def shown(self) -> ShownEvidence:
        """The part of its evidence that is shown."""
        return decode(self.evidence or "{}", type=ShownEvidence)


class TransitionRow(StateChange, frozen=True, kw_only=True):
    """A transition, as in `Transition`."""

    from_state: ExperimentState
    segment: int
    plan_hash: str
    stage: float | None


class PlanRow(Answer, frozen=True, kw_only=True):
    """When and why an analysis plan was frozen or amended."""

    number: int
    at_time: Time
    experiment: str
    segment: int
    revision: int
    attempt: int
    analysis_hash: str
    kind: PlanKind
    actor: str
    why: str


class Offer(Answer, frozen=True, kw_only=True):
    """A decline that a resume accepts; ``write``: the amount that it needs by name, empty if the default is enough."""

    metric: str
    words: str
    write: str


class ShownMetric(Answer, frozen=True, kw_only=True):
    """What the primary metric and the guardrails share. A `MetricDecision` has each arm as a level with its units.

    ``estimate``: of the last look alone. ``share``: whether levels are shares of 1. Texts end with ``_words``, apart
    from ``levels`` and ``why``.
    """

    metric: str
    variant: str
    method: Method
    better: Better
    share: bool
    control: float | None
    treatment: float | None
    control_units: int
    treatment_units: int
    levels: str
    estimate: Interval | None
    answered_us: int | None
    changed: bool
    why: str
    missing_feedback: MissingFeedback | None
    missing_words: str


class ShownPrimary(ShownMetric, frozen=True, kw_only=True):
    """The primary metric, as in `PrimaryDecision`. ``running``: the interval that decides.

    ``boundary``: the effect beyond which it is decided. ``decision`` and ``sentence`` are texts.
    """

    running: Interval | None
    require: Literal["superior", "not_worse"]
    boundary: float | None
    answer: PrimaryAnswer
    meets: bool
    counts: bool
    counts_us: int | None
    decision: str
    sentence: str
    held: bool
    over_time: EffectOverTime | None
    size: Forecast | None


class ShownGuardrail(ShownMetric, frozen=True, kw_only=True):
    """A guardrail, as in `GuardrailDecision`. ``stops``: what pauses and what stops, as a text. ``evidence_words``:
    ``room_words`` without the answer. ``accepted``: whether a person let the experiment continue with its decline.
    """

    answer: GuardrailAnswer
    room: float | None
    room_words: str
    evidence_words: str = ""
    signal: Literal["kill", "pause"]
    margin: float | None
    pause_at: float | None
    kill_at: float | None
    stops: str
    declined: bool
    missing: int | None
    weighed: Interval | None
    weighed_words: str
    vetoed: bool
    by_request: ByRequest | UnsetType = UNSET
    accepted: bool = False


class StagesOf(Answer, frozen=True, kw_only=True):
    """The stages in percent of the units. ``waits``: what the ``next`` one needs, ``None`` if that is unknown."""

    stages: tuple[float, ...]
    stage: float
    since_us: int
    next: float | None
    waits: tuple[str, ...] | None
    approve: tuple[float, ...]
    approved: tuple[float, ...]


class SplitTest(Answer, frozen=True, kw_only=True):
    """The test of the planned split at the last look. ``invalid``: a `Split` that is not ``balanced``."""

    invalid: bool
    crossed_us: int | None
    p: float
    arms: tuple[ArmUnits, ...]
    lost: LostRecords | UnsetType = UNSET


class ChartPoint(Interval, frozen=True, kw_only=True):
    """One look at one treatment: its interval, and the ends of that over all looks until then."""

    at_us: int
    variant: str
    units: int
    running_low: float | None
    running_high: float | None


class Analysis(Answer, frozen=True, kw_only=True):
    """The figures behind the `Decision` on each treatment, and the frozen plan. Times: microseconds since 1970, UTC."""

    control: str
    unit: UnitKind
    segment: int
    attempt: int
    alpha: float
    revision: int
    rules: int
    min_days: float
    started_us: int
    from_us: int
    ends_us: int
    looked_us: int | None
    primary: tuple[ShownPrimary, ...]
    guardrails: tuple[ShownGuardrail, ...]
    kept_away: tuple[KeptAway, ...]
    earlier: tuple[EarlierProof, ...]
    tried: Tried | None
    stages: StagesOf
    srm: SplitTest
    chart: tuple[ChartPoint, ...]


class ShownSlice(Answer, frozen=True):
    """One slice with its name, levels and effect in words."""

    finding: SliceFinding
    name: str
    levels: str
    effect: str


class Slices(Answer, frozen=True):
    """The slices by tag that have enough units, and a sentence on how many are worse."""

    sentence: str
    rows: tuple[ShownSlice, ...]


class ShownDecision(Answer, frozen=True, kw_only=True):
    """What an experiment has shown and decided. ``last_us``: the time of the newest transition.

    ``accepts``: what a resume accepts. ``plans``: the analysis plans of all segments, newest first.
    """

    experiment: str
    state: ExperimentState
    last_us: int | None
    ending: Ending | None
    box: Box
    analysis: Analysis | None = None
    accepts: tuple[Offer, ...] = ()
    plans: tuple[PlanRow, ...] = ()
    slices: Slices | None = None
