"""Declares what comparisons of runs answer."""

from typing import Literal

from fairtrial.api.operation import Answer
from fairtrial.domain.estimates import Comparison
from fairtrial.domain.verdicts.model_equality import ModelEquality
from fairtrial.domain.verdicts.model_parity import ModelParity
from fairtrial.domain.wording import counted


class MeasureForm(Answer, frozen=True, kw_only=True):
    """How a measure is shown. ``scale``: the value that is 100 % of a share."""

    form: Literal["share", "number", "ms", "usd"]
    scale: float
    better: Literal["higher", "lower"]


class SignalChange(Answer, frozen=True, kw_only=True):
    """What changed without being asked: ``says``: a sentence; ``short``: without its details.

    ``notable``: by the rule of signals. The comparison names the metric.
    """

    comparison: Comparison
    notable: bool
    short: str
    says: str


class RunsCompared(Answer, frozen=True, kw_only=True):
    """Two runs. ``shown``: the form of each measure."""

    rows: list[Comparison]
    shown: dict[str, MeasureForm]
    signals: list[SignalChange]


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
    levels: tuple[MatrixLevel, ...]
    comparisons: tuple[Comparison | None, ...]
    noise: Comparison | None


class ChangedCase(Answer, frozen=True, kw_only=True):
    """One case's mean over its repeats, on both sides."""

    case_id: str
    baseline: float
    candidate: float


class EqualAnswers(Answer, frozen=True, kw_only=True):
    """How many of ``n`` answers to the same question are equal in both runs, character by character."""

    equal: int
    n: int

    @property
    def all_equal(self) -> bool:
        return 0 < self.n == self.equal

    def words(self, target: str, baseline: str) -> str:
        """``160 of 160 answers of tuned are the same as those of base``."""
        return f"{self.equal:,} of {counted(self.n, 'answer')} of {target} are the same as those of {baseline}"

    def __add__(self, more: "EqualAnswers") -> "EqualAnswers":
        return EqualAnswers(equal=self.equal + more.equal, n=self.n + more.n)


class MatrixChanges(Answer, frozen=True, kw_only=True):
    """The cases of one candidate that changed most by ``metric``; ``same``: its answers that equal the baseline's."""

    target: str
    metric: str | None
    worst: tuple[ChangedCase, ...]
    best: tuple[ChangedCase, ...]
    signals: tuple[SignalChange, ...]
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
    columns: tuple[MatrixColumn, ...]
    rows: tuple[MatrixRow, ...]
    changes: tuple[MatrixChanges, ...]
    noise: NoiseFloor | None
    equality: tuple[ModelEquality, ...] = ()
    parity: tuple[ModelParity, ...] = ()

    @property
    def models(self) -> tuple[ModelEquality | ModelParity, ...]:
        """What was found by asking the models themselves."""
        return (*self.equality, *self.parity)
