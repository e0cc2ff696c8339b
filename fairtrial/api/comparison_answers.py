"""Declares what comparisons of runs answer."""

from typing import Literal

from msgspec import UNSET, UnsetType

from fairtrial.api.operation import Answer
from fairtrial.domain.estimates import Answer as ComparisonAnswer


class Difference(Answer, frozen=True, kw_only=True):
    """A difference with its interval, or why there is none: then it has only ``reason``, ``needed`` and ``n``."""

    n: int
    value: float | UnsetType = UNSET
    low: float | UnsetType = UNSET
    high: float | UnsetType = UNSET
    level: float | UnsetType = UNSET
    method: str | UnsetType = UNSET
    always_valid: bool | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    needed: str | UnsetType = UNSET

    @property
    def bounds(self) -> tuple[float, float, float] | None:
        """The value and its interval; ``None`` if there is none."""
        if self.value is UNSET or self.low is UNSET or self.high is UNSET:
            return None
        return self.value, self.low, self.high


class MeasureComparison(Answer, frozen=True, kw_only=True):
    """A `Comparison` of two runs."""

    metric: str
    scope: str
    candidate: float | None
    baseline: float | None
    difference: Difference
    answer: ComparisonAnswer
    won: int | None
    lost: int | None
    n: int
    p: float | None
    p_method: str
    rule: str


class MeasureForm(Answer, frozen=True, kw_only=True):
    """How a measure is shown. ``scale``: the value that is 100 % of a share."""

    form: Literal["share", "number", "ms", "usd"]
    scale: float
    better: Literal["higher", "lower"]


class SignalDifference(Answer, frozen=True, kw_only=True):
    """What changed without being asked, in a sentence; ``notable``: by the rule of signals."""

    metric: str
    notable: bool
    says: str


class RunsCompared(Answer, frozen=True, kw_only=True):
    """Two runs. ``shown``: the form of each measure."""

    rows: list[MeasureComparison]
    shown: dict[str, MeasureForm]
    signals: list[SignalDifference]


class MatrixColumn(Answer, frozen=True, kw_only=True):
    """One run: who answered, and what the answers took. Latencies don't cover cached answers."""

    target: str
    run_id: str
    model: str | None
    fingerprint: str | None
    results: int
    unscored: int
    cached: int
    tokens_out: float | None
    cost_usd: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None


class MatrixLevel(Answer, frozen=True, kw_only=True):
    """A measure's figure over the ``n`` cases of one run that have one."""

    value: float | None
    n: int


class MatrixRow(Answer, frozen=True, kw_only=True):
    """One measure in one scope: a level for each column, and a comparison for each candidate, ``None`` without pairs.

    ``noise`` compares the baseline with itself.
    """

    metric: str
    scope: str
    form: Literal["share", "number", "ms", "usd"]
    scale: float
    higher_is_better: bool
    levels: list[MatrixLevel]
    comparisons: list[MeasureComparison | None]
    noise: MeasureComparison | None


class ChangedCase(Answer, frozen=True, kw_only=True):
    """One case's mean over its repeats, on both sides."""

    case_id: str
    baseline: float
    candidate: float


class MatrixSignal(SignalDifference, frozen=True, kw_only=True):
    """A signal with its comparison."""

    comparison: MeasureComparison


class EqualAnswers(Answer, frozen=True, kw_only=True):
    """How many of ``n`` answers are equal in both runs."""

    equal: int
    n: int


class MatrixChanges(Answer, frozen=True, kw_only=True):
    """The cases of one candidate that changed most by ``metric``; ``same``: its answers that equal the baseline's."""

    target: str
    metric: str | None
    worst: list[ChangedCase]
    best: list[ChangedCase]
    signals: list[MatrixSignal]
    same: EqualAnswers


class NoiseFloor(Answer, frozen=True, kw_only=True):
    """How many of ``n`` cases change by ``metric`` where the baseline answers again."""

    run_id: str
    metric: str | None
    changed: int
    n: int


class RunMatrix(Answer, frozen=True, kw_only=True):
    """Runs of one suite beside a baseline, which is the first column."""

    suite: str
    suite_digest: str
    columns: list[MatrixColumn]
    rows: list[MatrixRow]
    changes: list[MatrixChanges]
    noise: NoiseFloor | None
