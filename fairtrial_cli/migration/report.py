"""Reports a migration: what was judged, which successor may get live traffic, and the report that is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from evaluators.criteria.content_lines import MISSING
from fairtrial.api.comparison_answers import MatrixColumn
from fairtrial.api.migrations import (
    Baseline,
    BothColumns,
    JudgedLine,
    JudgedSuccessor,
    MigrationReport,
    Refusal,
    WrittenMove,
)
from fairtrial.domain.run import CONTROLS
from fairtrial.domain.verdicts.verdict import Verdict
from fairtrial.domain.verdicts.verdict_wording import unasked_lines

if TYPE_CHECKING:
    from fairtrial.api.traffic import LeftOutRequests
    from fairtrial.config.plan.retirement import Retirement

MOVING = ("SHIP", "HOLD")
"""The decisions after which live traffic may be moved, the better one first."""


@dataclass(frozen=True, slots=True)
class Successor:
    """One successor: its verdict, and what it takes beside the old model, by suite.

    ``content``: the lines that measure what was answered, each with the suite or gate that has it. ``refusals``: why
    suites have no answers of it.
    """

    target: str
    verdict: Verdict
    beside: Mapping[str, tuple[MatrixColumn | None, MatrixColumn]]
    content: frozenset[tuple[str, str]]
    refusals: Sequence[Refusal] = ()

    @property
    def may_move(self) -> bool:
        """Whether it may get live traffic: it ships, or it is undecided and a line that measures content passes."""
        findings = self.verdict.findings
        passed = any(row.result == "pass" and (row.rule, row.source) in self.content for row in findings)
        form = any(row.decisive and row.rule == CONTROLS for row in findings)
        return self.verdict.decision == "SHIP" or (self.verdict.decision == "HOLD" and passed and not form)

    @property
    def waits_for_review(self) -> bool:
        """Whether a line on reviews keeps it undecided."""
        undecided = [row for row in self.verdict.findings if row.decisive and row.result == "cannot tell"]
        return any(row.metric.startswith("review.") for row in undecided)


@dataclass(frozen=True, slots=True)
class Migration:
    """The whole report. ``move`` is the written experiment; ``no_move`` is why there is none.

    ``command`` makes the report anew. ``replaced``: the lines that OLD itself breaks, in sentences. ``reviews``: the
    commands after which people compare answers that no line of a suite measures. ``left_out``: how many recorded
    requests can't be cases of a suite that was drawn now. ``levels``: what OLD itself has on each line, by suite.
    """

    old: str
    today: date
    retirement: Retirement | None
    baselines: Sequence[Baseline]
    successors: Sequence[Successor]
    move: WrittenMove | None
    no_move: str = ""
    command: str = ""
    replaced: Sequence[str] = ()
    reviews: Sequence[str] = ()
    left_out: Sequence[LeftOutRequests] = ()
    levels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def countdown(self) -> str:
        """The first line."""
        if self.retirement is None:
            return f"{self.old}: no last day is known (set deployments.{self.old}.shutdown_date)"
        return self.retirement.in_words(self.today)


def chosen_successor(successors: Sequence[Successor]) -> Successor | None:
    """The first in the order of the command that ships; without one, the first undecided one that may move."""
    by_decision = {
        decision: [row for row in successors if row.verdict.decision == decision and row.may_move]
        for decision in MOVING
    }
    return next((group[0] for group in by_decision.values() if group), None)


def no_successor(report: Migration) -> str:
    """Why no successor gets the traffic."""
    if all(successor.verdict.decision != "HOLD" for successor in report.successors):
        return "no successor may take over"
    if report.reviews:
        return f"{MISSING} yet; have people compare the answers"
    return "no line that measures what was answered passes"


def report_of(migration: Migration) -> MigrationReport:
    """The report as it is stored and shown."""
    retirement = migration.retirement
    return MigrationReport(
        old=migration.old,
        date=migration.today.isoformat(),
        command=migration.command,
        countdown=migration.countdown,
        last_day=None if retirement is None else retirement.day.isoformat(),
        days_left=None if retirement is None else retirement.days_left(migration.today),
        source=None if retirement is None else retirement.source,
        serves=() if retirement is None else retirement.serves,
        baselines=list(migration.baselines),
        replaced=list(migration.replaced),
        successors=[_judged(successor, migration.levels) for successor in migration.successors],
        error_rate=0.05 / len(migration.successors),
        experiment=migration.move,
        no_experiment=migration.no_move,
        reviews=list(migration.reviews),
        left_out={row.left_out: row.requests for row in migration.left_out},
    )


def _judged(successor: Successor, levels: Mapping[str, Mapping[str, str]]) -> JudgedSuccessor:
    verdict = successor.verdict
    return JudgedSuccessor(
        target=successor.target,
        decision=verdict.decision,
        headline=verdict.headline,
        verdict_id=verdict.verdict_id,
        findings=[
            JudgedLine(
                rule=finding.rule,
                source=finding.source,
                result=finding.result,
                says=finding.says,
                old=levels.get(finding.source, {}).get(finding.rule),
            )
            for finding in verdict.findings
            if finding.decisive
        ],
        refusals=list(successor.refusals),
        unasked=_unasked(verdict),
        beside={suite: BothColumns(old=old, new=new) for suite, (old, new) in successor.beside.items()},
    )


def _unasked(verdict: Verdict) -> list[str]:
    """What changed without being asked; that nothing is notable is said first."""
    lines = unasked_lines(verdict.findings)
    notable = any(finding.notable for finding in verdict.findings)
    return lines if notable or not lines else ["No signal changed notably.", *lines]
