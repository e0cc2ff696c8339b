"""Declares what the operations on runs answer: runs, their figures, and their cases."""

import json
from collections.abc import Iterator
from decimal import Decimal

from fairtrial.api.operation import Answer, Time
from fairtrial.domain.events import CaseResultEvent, RunEvent, ScoreEvent
from fairtrial.domain.run import CaseOutcome, RunStatus, StoredRun
from fairtrial.domain.wording import Change, Grade


class FoundRun(Answer, frozen=True):
    """The id of a run."""

    run_id: str


class OptionalRun(Answer, frozen=True):
    """The id of a run, ``None`` if there is no such run."""

    run_id: str | None


class RunSummary(Answer, frozen=True, kw_only=True):
    """When a run was, of which suite and target, and whether it reached its end."""

    run_id: str
    suite: str
    target: str
    at_time: Time
    ended_time: Time
    status: RunStatus


class RunRow(RunSummary, frozen=True, kw_only=True):
    """A run in the listing. It has the columns of a `StoredRun`: ``counts``, ``metrics`` and ``versions`` are JSON
    objects as text, and times are times.
    """

    suite_digest: str
    deployment_digest: str
    fingerprint: str | None
    seed: int
    repeat: int
    counts: str
    metrics: str
    versions: str
    plan_hash: str
    model: str | None

    def outcomes(self) -> dict[str, int]:
        """The number of answers by outcome."""
        return dict(json.loads(self.counts))

    def levels(self) -> dict[str, float | None]:
        """The value of each metric."""
        return dict(json.loads(self.metrics))


class RunEvents(Answer, frozen=True, kw_only=True):
    """All journaled events of one run, in their order, from which `domain.Run` is rebuilt."""

    run: RunEvent
    results: list[CaseResultEvent]
    scores: list[ScoreEvent]

    def __iter__(self) -> Iterator[RunEvent | CaseResultEvent | ScoreEvent]:
        yield from self.results
        yield from self.scores
        yield self.run


class RunUsage(Answer, frozen=True, kw_only=True):
    """What the answers of a run took. Latencies are milliseconds and don't cover cached answers. ``cost_usd``: unknown
    if the price of any answer is unknown.
    """

    results: int
    cases: int
    errors: int
    cached: int
    latency_p50: float | None
    latency_p95: float | None
    latency_p99: float | None
    ttft_p50: float | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: Decimal | None


class SignalLevel(Answer, frozen=True, kw_only=True):
    """The mean of a signal over the cases that have it."""

    metric: str
    mean: float
    cases: int


class RunFigures(Answer, frozen=True, kw_only=True):
    """A run without its cases. ``metrics``: those that grade single cases."""

    run: StoredRun
    used: RunUsage
    metrics: tuple[str, ...]
    signals: list[SignalLevel]


class SliceMean(Answer, frozen=True, kw_only=True):
    """A metric's mean over the ``scored`` of the ``results`` with a value of a tag."""

    tag: str
    value: str
    metric: str
    mean: float | None
    scored: int
    results: int


class CaseScore(Answer, frozen=True, kw_only=True):
    """A score of an answer; ``label``: the answered one. A `ScoreEvent` also names the run and the case."""

    metric: str
    value: float | None
    label: str | None
    expected: str | None
    why: str | None


class CaseAnswer(Answer, frozen=True, kw_only=True):
    """An answer to a case, with its scores. ``texts_deleted``: by retention.

    A `CaseResultEvent` has the case and its answer in one line of the journal, without scores.
    """

    outcome: CaseOutcome
    output: str | None
    error: str | None
    refusal: str | None
    latency_ms: float | None
    tokens_out: int | None
    cached: bool
    texts_deleted: bool
    scores: list[CaseScore]


class CaseQuestion(Answer, frozen=True, kw_only=True):
    """A case. ``asked``: its messages as JSON; ``expected``: its reference as JSON."""

    case_id: str
    repeat: int
    tags: dict[str, str] | None
    expected: str | None
    asked: str | None


class GradedCase(CaseQuestion, frozen=True, kw_only=True):
    """A case of one run. It has the fields of its `CaseAnswer`, because a struct can't have two bases."""

    grade: Grade
    finish_reason: str | None
    outcome: CaseOutcome
    output: str | None
    error: str | None
    refusal: str | None
    latency_ms: float | None
    tokens_out: int | None
    cached: bool
    texts_deleted: bool
    scores: list[CaseScore]


AnyAnswer = CaseAnswer | GradedCase


class CasePair(CaseQuestion, frozen=True, kw_only=True):
    """A case of two runs with both answers."""

    change: Change
    candidate: CaseAnswer
    baseline: CaseAnswer


class Graded(Answer, frozen=True, kw_only=True):
    """What a page of cases begins with. ``metric`` grades them; ``total``: of all pages."""

    metric: str
    counts: dict[str, int]
    texts_deleted: int
    total: int


class CasePage(Graded, frozen=True, kw_only=True):
    """Cases of one run. ``counts`` has all of the run by grade."""

    rows: list[GradedCase]


class PairPage(Graded, frozen=True, kw_only=True):
    """Cases of two runs. ``counts`` has all common cases by change."""

    rows: list[CasePair]


class SuiteTextRow(Answer, frozen=True, kw_only=True):
    """A version of a suite's text: when it was last ``stored``, and how often."""

    suite: str
    suite_digest: str
    text_digest: str
    at_time: Time
    stored: int
