"""Describes the report of a migration as a document: the old model's answers, each successor, and what comes next."""

from collections.abc import Callable, Iterator, Mapping

from fairtrial.api.comparison_answers import MatrixColumn
from fairtrial.api.migrations import Baseline, BothColumns, JudgedSuccessor, MigrationReport
from fairtrial.document.values import Block, Document, Heading, Note, Row, Sentence, State, Table
from fairtrial.documents.verdict import STATES
from fairtrial.domain.answers.signals import BLOCK_TITLE
from fairtrial.domain.verdicts.verdict import Decision
from fairtrial.domain.wording import counted

DECISIONS: dict[Decision, State] = {"SHIP": "good", "HOLD": "open", "BLOCK": "bad", "INVALID": "bad"}
AMOUNTS: Mapping[str, tuple[str, Callable[[MatrixColumn], float | None]]] = {
    "cost": ("${:.4f}", lambda column: column.cost_usd),
    "output tokens": ("{:,.0f}", lambda column: column.tokens_out),
    "median latency": ("{:,.0f} ms", lambda column: column.latency_p50_ms),
    "p95 latency": ("{:,.0f} ms", lambda column: column.latency_p95_ms),
}
UNKNOWN = "unknown"


def describe_migration(report: MigrationReport) -> Document:
    """The whole report."""
    return Document(f"{report.countdown}.", tuple(_blocks(report)))


def _blocks(report: MigrationReport) -> Iterator[Block]:
    yield Heading(f"The answers of {report.old}")
    for baseline in report.baselines:
        yield from _baseline(report.old, baseline)
    yield from map(Note, report.replaced)
    for successor in report.successors:
        yield from _successor(report.old, successor)
    count = len(report.successors)
    shared = f"Each of {count} successors is judged at 5 % / {count}, so that they share one error rate."
    yield Sentence(shared if count > 1 else "It is judged at 5 %.", "quiet")
    yield Heading("Move the traffic")
    yield from _next(report)


def _baseline(old: str, base: Baseline) -> Iterator[Block]:
    if not base.why:
        kept = f"its run {base.run_id} is kept as the baseline for good"
        yield Sentence(f"{base.suite}: {old} answered; {kept}.", "quiet")
    else:
        stored = f" Its stored answers (run {base.run_id}) are used."
        none = "No earlier answers to these cases are stored."
        yield Note(f"{base.suite}: {old} no longer answers ({base.why}).{stored if base.run_id is not None else none}")
    if base.erased:
        yield Sentence(f"{base.suite}: {counted(base.erased, 'erased case')} left out on both sides.", "quiet")


def _successor(old: str, successor: JudgedSuccessor) -> Iterator[Block]:
    yield Heading(successor.target)
    yield Sentence(successor.headline, DECISIONS[successor.decision])
    for refusal in successor.refusals:
        yield Note(f"{refusal.suite}: {successor.target} answers {refusal.error}")
        if refusal.params:
            write = "To send other parameters, write this into the project file, and migrate again"
            yield Sentence(f"{write}: {refusal.params}")
    rows = tuple(
        Row((line.result, line.rule, line.source, line.old or UNKNOWN, line.says), STATES[line.result])
        for line in successor.findings
    )
    if rows:
        yield Table(("result", "line", "source", f"{old} itself", "finding"), rows, ("finding",))
    amounts = tuple(row for suite, both in successor.beside.items() for row in _amounts(suite, both))
    if amounts:
        yield Table(("suite", "what", old, successor.target), amounts)
    if successor.unasked:
        yield Heading(BLOCK_TITLE, 2)
        yield from (Sentence(line, item=True) for line in successor.unasked)


def _amounts(suite: str, both: BothColumns) -> Iterator[Row]:
    for label, (form, amount) in AMOUNTS.items():
        old, new = (None if column is None else amount(column) for column in (both.old, both.new))
        if old is not None or new is not None:
            yield Row((suite, label, *(UNKNOWN if value is None else form.format(value) for value in (old, new))))


def _next(report: MigrationReport) -> Iterator[Block]:
    move = report.experiment
    if move is None:
        yield Note(f"No experiment was written: {report.no_experiment}.")
        yield from map(Sentence, report.reviews)
        if report.reviews:
            yield Sentence(f"When all pairs are judged, judge again: {report.command}")
    else:
        yield Sentence(f"The experiment that moves live traffic is in {move.file} (a copy of the project file).")
        for plan in move.plans:
            sentence = f"{plan.experiment} on {plan.route}: {plan.summary}."
            yield Note(sentence) if plan.users_missing or plan.days_missing else Sentence(sentence)
        yield Sentence(f"Next: fairtrial check {move.file}, then take its part over into the project file.")
    yield Sentence(f"To pass the evidence on: fairtrial report {report.successors[0].verdict_id}")
