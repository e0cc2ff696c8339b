"""One suite on one target: its cases, what the model answered, and what each scorer measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairtrial.domain.events import CaseOutcome


@dataclass(frozen=True, slots=True)
class Case:
    """One input with what is expected; ``messages`` are OpenAI's, rendered; ``tags`` make the slices.

    ``expected`` is the reference as the suite gives it (text, a list of accepted texts, or an object for fields);
    ``fields`` are all columns of its row, which scorers may name.
    """

    case_id: str
    messages: tuple[Mapping[str, Any], ...]
    expected: Any
    tags: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered to one case, or why it did not: ``text`` is ``None`` exactly when ``error`` is set."""

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
    """One scorer's measure of one case: named numbers, and for label scorers what was said and what is true.

    ``values``: stat name → number, ``None`` where this case does not enter that stat; ``details`` is what the stats
    that don't average (corpus BLEU, macro F1) are summed from, and what `why` shows.
    """

    scorer: str
    values: Mapping[str, float | None]
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoreFailure:
    """A scorer that crashed or could not judge: counted and shown, never a number."""

    scorer: str
    why: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case of a run: the answer, how it ended, and its scores by scorer name."""

    case: Case
    repeat: int
    answer: Answer
    outcome: CaseOutcome
    scores: Mapping[str, Score | ScoreFailure]


@dataclass(frozen=True, slots=True)
class Run:
    """One suite on one target, ended. ``metrics``: ``scorer.stat`` → value over all cases, ``None`` if unscored."""

    run_id: str
    suite: str
    suite_digest: str
    target: str
    deployment_digest: str
    fingerprint: str | None
    seed: int
    repeat: int
    started_us: int
    ended_us: int
    results: tuple[CaseResult, ...]
    metrics: Mapping[str, float | None]
    versions: Mapping[str, str]
    plan_hash: str = ""
    interrupted: bool = False
