"""Defines what a report contains, how far it shows the texts of cases, and the formats that render it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from fairtrial.domain.registry import Registry
from fairtrial.domain.run import UNSCORED, CaseOutcome, RunHead
from fairtrial.domain.verdicts.approvals import ApprovalState
from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.domain.wording import TEXT_DELETED, TEXT_NOT_STORED, Change, Grade
from fairtrial.privacy.masking import mask

if TYPE_CHECKING:
    from fairtrial.api.comparison_answers import MatrixRow, RunMatrix

TextPolicy = Literal["masked", "full", "none"]
LEFT_OUT = "left out of this report"


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
        """The change of each candidate's case against the baseline's."""
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

    matrix: RunMatrix
    metric: str | None
    outcomes: Mapping[CaseOutcome, tuple[int, ...]]
    errors: Mapping[str, tuple[int, ...]]
    cases: tuple[CaseRow, ...]
    runs: tuple[RunHead, ...]
    notes: tuple[str, ...] = ()

    @property
    def overall(self) -> tuple[MatrixRow, ...]:
        """The rows over all cases."""
        return tuple(row for row in self.matrix.rows if not row.scope)

    @property
    def slices(self) -> tuple[MatrixRow, ...]:
        """The rows of slices."""
        return tuple(row for row in self.matrix.rows if row.scope)

    @property
    def primary(self) -> MatrixRow | None:
        """The row of the metric that grades the cases."""
        return next((row for row in self.overall if row.metric == self.metric), None)

    def failures(self, column: int) -> int:
        """The number of unscored answers of a column."""
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
    approvals: ApprovalState | None = None
    stale: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a case; if it is ``absent``, the words say why."""

    words: str
    absent: bool = False


class Texts:
    """Shows texts by one policy, and counts masked parts by kind in ``masked``."""

    def __init__(self, policy: TextPolicy) -> None:
        self.policy = policy
        self.masked: Counter[str] = Counter()
        self._case_ids: dict[str, str] = {}
        self._uses: Counter[str] = Counter()

    def shown(self, text: str | None, *, deleted: bool = False) -> Text:
        """A text of a case, or why the report does not have it; ``deleted``: retention has deleted it."""
        if deleted:
            return Text(TEXT_DELETED, absent=True)
        if text is None:
            return Text(TEXT_NOT_STORED, absent=True)
        if self.policy == "none":
            return Text(LEFT_OUT, absent=True)
        return Text(self.label(text.replace("\r\n", "\n")))

    def label(self, text: str) -> str:
        """A case id, a tag or another name from the data, which is shown by every policy, and masked unless in full."""
        return text if self.policy == "full" else mask(text, self.masked)

    def case_id(self, case_id: str) -> str:
        """A case's id, the same wherever it occurs; ids that masking makes equal are numbered."""
        if case_id not in self._case_ids:
            shown = self.label(case_id)
            self._uses[shown] += 1
            again = self._uses[shown] > 1
            self._case_ids[case_id] = f"{shown} ({self._uses[shown]})" if again else shown
        return self._case_ids[case_id]

    def verdict(self, verdict: Verdict) -> Verdict:
        """A verdict, whose sentences may quote names from the data."""
        return replace(
            verdict,
            headline=self.label(verdict.headline),
            findings=tuple(map(self._finding, verdict.findings)),
            conflicts=tuple(map(self.label, verdict.conflicts)),
            form_only=self.label(verdict.form_only),
            shown=self.label(verdict.shown),
            not_shown=self.label(verdict.not_shown),
            pays=self.label(verdict.pays),
        )

    def _finding(self, finding: Finding) -> Finding:
        sentence, needed, scope = map(self.label, (finding.says, finding.needed, finding.scope))
        return replace(finding, says=sentence, needed=needed, scope=scope)


class RenderVerdict(Protocol):
    """Renders a verdict with the state of its approvals; without one, nobody has voted."""

    def __call__(self, verdict: Verdict, approvals: ApprovalState | None = None) -> str: ...


@dataclass(frozen=True, slots=True)
class Report:
    """One format. Both functions give the text of the file, with unsafe text escaped.

    ``render``: a verdict with every finding. ``render_content``: a report on runs, or on a verdict with its runs.
    """

    summary: str
    render: RenderVerdict
    render_content: Callable[[ReportContent], str]


REPORTS: Registry[Report] = Registry("evaluators.reports", "report", noun="report", kind=Report)
