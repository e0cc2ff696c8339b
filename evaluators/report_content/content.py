"""Defines what a report contains: the verdict or an answer in one sentence, and for each suite its matrix and cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evaluators.comparison.matrix import Matrix, Row
from evaluators.report_content.texts import Text, TextPolicy
from fairtrial.domain.run import UNSCORED, CaseOutcome, RunHead
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.domain.wording import Change, Grade


@dataclass(frozen=True, slots=True)
class CaseAnswer:
    """One run's answer to a case. ``scores`` have each metric with its value, ``None`` if the case is unscored by it.

    ``change`` compares it with the baseline, by the metric that grades the suite's cases; the baseline has none.
    """

    outcome: CaseOutcome
    text: Text
    scores: tuple[tuple[str, float | None], ...]
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case side by side; ``answers`` are in the order of the matrix's columns, ``None`` if a run lacks the case.

    ``texts`` are the messages by their roles, and what is expected. ``grade`` is the case's grade in a suite with one
    run.
    """

    case_id: str
    repeat: int
    tags: tuple[tuple[str, str], ...]
    texts: tuple[tuple[str, Text], ...]
    answers: tuple[CaseAnswer | None, ...]
    grade: Grade | None = None

    @property
    def changes(self) -> tuple[Change | None, ...]:
        """How each candidate's case differs from the baseline's."""
        return tuple(None if answer is None else answer.change for answer in self.answers[1:])

    @property
    def changed(self) -> bool:
        """Whether any candidate lost or gained the case."""
        return not {"lost", "gained"}.isdisjoint(self.changes)

    @property
    def failed(self) -> bool:
        """Whether any candidate, or the only run, is wrong or unscored."""
        return self.grade in ("wrong", "unscored") or not {"lost", "both wrong", "unscored"}.isdisjoint(self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteReport:
    """One suite: its matrix with slices, what became of its cases, the cases themselves, and where they come from.

    ``metric`` grades the cases. ``outcomes`` and ``errors`` count answers for each column of the matrix. ``runs`` are
    those of the columns, and that of the noise floor.
    """

    matrix: Matrix
    metric: str | None
    outcomes: Mapping[CaseOutcome, tuple[int, ...]]
    errors: Mapping[str, tuple[int, ...]]
    cases: tuple[CaseRow, ...]
    runs: tuple[RunHead, ...]
    notes: tuple[str, ...] = ()

    @property
    def overall(self) -> tuple[Row, ...]:
        """The rows over all cases."""
        return tuple(row for row in self.matrix.rows if not row.scope)

    @property
    def slices(self) -> tuple[Row, ...]:
        """The rows of slices."""
        return tuple(row for row in self.matrix.rows if row.scope)

    @property
    def primary(self) -> Row | None:
        """The row of the metric that grades the cases."""
        return next((row for row in self.overall if row.metric == self.metric), None)

    def failures(self, column: int) -> int:
        """How many answers of a column are unscored."""
        return sum(counts[column] for outcome, counts in self.outcomes.items() if outcome in UNSCORED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContent:
    """A report. ``says`` is its first line. ``reads``: the verdict's decision with the state of its approvals.

    ``policy`` says how texts are shown, and ``masked`` counts what was masked in them by kind. ``notes``: what the
    report could not include. ``made_us``: microseconds since 1970, UTC. ``program``: the version of fairtrial.
    """

    says: str
    suites: tuple[SuiteReport, ...]
    policy: TextPolicy
    masked: Mapping[str, int]
    made_us: int
    program: str
    verdict: Verdict | None = None
    reads: str = ""
    stale: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
