"""Defines a run of one suite on one target: cases, answers and scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from msgspec import Struct

MANY = "|"
"""Separates the values of a tag if a row has several."""

CaseOutcome = Literal["scored", "off_format", "refused", "truncated", "provider_error", "judge_error", "skipped"]
CASE_OUTCOMES: tuple[CaseOutcome, ...] = (
    "scored",
    "off_format",
    "refused",
    "truncated",
    "provider_error",
    "judge_error",
    "skipped",
)
RunStatus = Literal["finished", "interrupted"]
REPLACEMENTS = ("empty", "shuffled 1", "shuffled 2", "shuffled 3")
"""The answers that negative controls score in place of each answer: none, and three answers of other cases."""
CONTROLS, CONTROLS_VERSION = "negative controls", "1"
"""The name under which a run states the version of its controls, beside those of its scorers."""
STATISTICAL_DETAILS = ("label", "expected", "counts", "totals", "sys_len", "ref_len", "statistics")
"""Numbers, and labels that a suite declares. A scorer whose statistics need another detail must list it here."""
UNSCORED: frozenset[CaseOutcome] = frozenset({"provider_error", "judge_error", "skipped"})
"""The outcomes of cases that say nothing about the model."""


@dataclass(frozen=True, slots=True)
class Case:
    """One input with its reference; ``messages`` are rendered, in OpenAI's format; ``tags`` define the slices.

    ``expected`` is the reference as the suite gives it (a text, a list of accepted texts, or an object with fields).
    ``fields`` are all columns of its row, which scorers may use.
    """

    case_id: str
    messages: tuple[Mapping[str, Any], ...]
    expected: Any
    tags: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer to one case, or the error; ``text`` is ``None`` exactly if ``error`` is set."""

    text: str | None
    error: str | None = None
    finish_reason: str | None = None
    refusal: str | None = None
    latency_ms: float | None = None
    ttft_ms: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    fingerprint: str | None = None
    request_id: str | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """One scorer's measurements of one case.

    ``values``: stat name → number, ``None`` if this case does not enter the stat. ``details``: the data from which
    corpus stats (BLEU, macro F1) are computed, and explanations for the reader.
    """

    scorer: str
    values: Mapping[str, float | None]
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoreFailure:
    """The failure of a scorer that crashed or could not judge; it is counted and shown, but has no number."""

    scorer: str
    why: str


@dataclass(frozen=True, slots=True)
class NegativeControl:
    """What one of the `REPLACEMENTS` of an answer scores. Scorers that fail on it, or are left out, are missing."""

    outcome: CaseOutcome
    scores: Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case of a run: the answer, the outcome, and the scores by scorer name.

    ``controls``: one for each of the `REPLACEMENTS`; empty if no other case can give an answer, or an earlier version
    made the run.
    """

    case: Case
    repeat: int
    answer: Answer
    outcome: CaseOutcome
    scores: Mapping[str, Score | ScoreFailure]
    controls: tuple[NegativeControl, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class RunHead:
    """A run without its results. ``metrics``: ``scorer.stat`` → value over all cases, ``None`` if unscored.

    ``fingerprint``: of the weights that answered. ``model``: the provider and model that the target's deployment
    declared, ``None`` for runs of older releases.
    """

    run_id: str
    suite: str
    suite_digest: str
    target: str
    deployment_digest: str
    fingerprint: str | None
    seed: int
    repeat: int
    started_us: int
    metrics: Mapping[str, float | None]
    versions: Mapping[str, str]
    interrupted: bool = False
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(RunHead):
    """A finished run."""

    ended_us: int
    results: tuple[CaseResult, ...]
    plan_hash: str = ""


class StoredRun(Struct, frozen=True, kw_only=True, gc=False):
    """A run without its cases. ``counts``: answers by outcome. ``metrics``: each aggregate. ``versions``: of each
    scorer. ``fingerprint``: of the weights that answered. ``model``: the provider and model that the target's
    deployment declares, such as ``openai/support-v2``; unknown in older runs.

    In the program it is a `RunHead`; the names and the order of fields here are the journal's.
    """

    run_id: str
    at_us: int
    ended_us: int
    suite: str
    suite_digest: str
    target: str
    deployment_digest: str
    fingerprint: str | None
    seed: int
    repeat: int
    status: RunStatus
    counts: dict[str, int]
    metrics: dict[str, float | None]
    versions: dict[str, str]
    plan_hash: str
    model: str | None = None


def head_of(run: RunHead) -> dict[str, Any]:
    """The fields of the run's head."""
    return {name: getattr(run, name) for name in HEAD}


def noise_target(target: str) -> str:
    """The target under which a second run of a baseline is stored. No deployment can have this name."""
    return f"{target} (again)"


HEAD = frozenset(of.name for of in fields(RunHead))
