"""Reports a migration: one value, printed with the countdown and what comes next, or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from evaluators.criteria.content_lines import MISSING
from fairtrial.api.comparison_answers import MatrixColumn
from fairtrial.api.migrations import (
    BothSides,
    JudgedSuccessor,
    KeptBaseline,
    MigrationReport,
    SuccessorLine,
    SuiteRefusal,
    WrittenMove,
)
from fairtrial.domain.run import CONTROLS
from fairtrial.domain.verdicts.verdict import Decision, Verdict
from fairtrial.domain.verdicts.verdict_wording import unasked_lines
from fairtrial.domain.wording import counted

if TYPE_CHECKING:
    from fairtrial.api.traffic import LeftOutRequests
    from fairtrial.config.plan.retirement import Retirement


ALPHA_IN_WORDS = "5 %"
MOVING = ("SHIP", "HOLD")
"""The decisions after which live traffic may be moved, the better one first."""

AMOUNTS: Sequence[tuple[str, Callable[[MatrixColumn], float | None], str]] = (
    ("cost", lambda side: side.cost_usd, "${:.4f}"),
    ("output tokens", lambda side: side.tokens_out, "{:,.0f}"),
    ("median latency", lambda side: side.latency_p50_ms, "{:,.0f} ms"),
    ("p95 latency", lambda side: side.latency_p95_ms, "{:,.0f} ms"),
)

STYLES: dict[Decision, str] = {"SHIP": "green", "HOLD": "yellow", "BLOCK": "red", "INVALID": "red"}


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
    refusals: Sequence[SuiteRefusal] = ()

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

    @property
    def unasked(self) -> list[str]:
        """What changed without being asked."""
        return unasked_lines(self.verdict.findings)

    @property
    def notable(self) -> list[str]:
        """The part of it that is notable, or that nothing is."""
        return [line for line in self.unasked if line.startswith("Notable")] or ["No signal changed notably."]


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
    baselines: Sequence[KeptBaseline]
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

    @property
    def shared(self) -> str:
        """How the successors share the error rate."""
        count = len(self.successors)
        if count == 1:
            return f"It is judged at {ALPHA_IN_WORDS}."
        return f"Each of {count} successors is judged at {ALPHA_IN_WORDS} / {count}, so that they share one error rate."


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


def record_of(report: Migration) -> MigrationReport:
    """The report as it is stored and printed as JSON."""
    retirement = report.retirement
    return MigrationReport(
        old=report.old,
        date=report.today.isoformat(),
        command=report.command,
        countdown=report.countdown,
        last_day=None if retirement is None else retirement.day.isoformat(),
        days_left=None if retirement is None else retirement.days_left(report.today),
        source=None if retirement is None else retirement.source,
        serves=() if retirement is None else retirement.serves,
        baselines=tuple(report.baselines),
        replaced=tuple(report.replaced),
        successors=tuple(_successor(successor, report.levels) for successor in report.successors),
        error_rate=0.05 / len(report.successors),
        experiment=report.move,
        no_experiment=report.no_move,
        reviews=tuple(report.reviews),
        left_out={row.left_out: row.requests for row in report.left_out},
    )


def _successor(successor: Successor, levels: Mapping[str, Mapping[str, str]]) -> JudgedSuccessor:
    verdict = successor.verdict
    lines = (
        SuccessorLine(
            rule=finding.rule,
            source=finding.source,
            result=finding.result,
            says=finding.says,
            old=levels.get(finding.source, {}).get(finding.rule),
        )
        for finding in verdict.findings
        if finding.decisive
    )
    return JudgedSuccessor(
        target=successor.target,
        decision=verdict.decision,
        headline=verdict.headline,
        verdict_id=verdict.verdict_id,
        findings=tuple(lines),
        refusals=tuple(successor.refusals),
        unasked=tuple(successor.unasked),
        beside={suite: BothSides(old=old, new=new) for suite, (old, new) in successor.beside.items()},
    )


def print_migration(console: Console, report: Migration) -> None:
    """Print the whole report."""
    retirement = report.retirement
    over = retirement is not None and retirement.is_over(report.today)
    _line(console, f"{report.countdown}.", "bold red" if over else "bold")
    for baseline in report.baselines:
        _line(console, _baseline(report.old, baseline), "yellow" if baseline.why else "dim")
        if baseline.erased:
            _line(
                console, f"{baseline.suite}: {counted(baseline.erased, 'erased case')} left out on both sides.", "dim"
            )
    for suite, levels in report.levels.items():
        own = "; ".join(f"{level} ({line})" for line, level in levels.items())
        _line(console, f"{suite}: {report.old} itself has {own}.", "dim")
    for text in report.replaced:
        _line(console, text, "yellow")
    for successor in report.successors:
        _line(console, successor.verdict.headline, STYLES[successor.verdict.decision])
        for text in _refusals(successor):
            _line(console, f"  {text}", "yellow")
        for text in (*_beside(report.old, successor), *successor.notable):
            _line(console, f"  {text}", "dim")
    _line(console, report.shared, "dim")
    for text in _next(report):
        _line(console, text)


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style), soft_wrap=True)


def _baseline(old: str, base: KeptBaseline) -> str:
    if not base.why:
        return f"{base.suite}: {old} answered; its run {base.run_id} is kept as the baseline for good."
    if base.run_id is not None:
        return f"{base.suite}: {old} no longer answers ({base.why}). Its stored answers (run {base.run_id}) are used."
    return f"{base.suite}: {old} no longer answers ({base.why}), and no earlier answers to these cases are stored."


def _beside(old: str, successor: Successor) -> Iterator[str]:
    for suite, (before, after) in successor.beside.items():
        values = ", ".join(_amounts(before, after))
        yield f"{suite}, {old} → {successor.target}: {values}"


def _refusals(successor: Successor) -> Iterator[str]:
    for refusal in successor.refusals:
        yield f"{refusal.suite}: {successor.target} answers {refusal.error}"
        if refusal.params:
            yield f"To send other parameters, write this into the project file, and migrate again: {refusal.params}"


def _amounts(before: MatrixColumn | None, after: MatrixColumn) -> Iterator[str]:
    for label, amount, form in AMOUNTS:
        old, new = (None if column is None else amount(column) for column in (before, after))
        shown = ["unknown" if value is None else form.format(value) for value in (old, new)]
        if old is not None or new is not None:
            yield f"{label} {' → '.join(shown)}"


def _next(report: Migration) -> Iterator[str]:
    if report.move is None:
        yield f"No experiment was written: {report.no_move}."
        yield from report.reviews
        if report.reviews:
            yield f"When all pairs are judged, judge again: {report.command}"
    else:
        yield f"The experiment that moves live traffic is in {report.move.file} (a copy of the project file)."
        for move in report.move.plans:
            yield f"  {move.experiment} on {move.route}: {move.summary}."
        yield f"Next: fairtrial check {report.move.file}, then take its part over into the project file."
    verdicts = " or ".join(f"fairtrial report {successor.verdict.verdict_id}" for successor in report.successors[:1])
    yield f"To pass the evidence on: {verdicts}"
