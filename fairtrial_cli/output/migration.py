"""Prints the report of a migration: the countdown, a line for each verdict, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from evaluators.comparison.matrix import Column
from fairtrial.domain.verdicts.verdict import Decision
from fairtrial.domain.wording import counted
from fairtrial_cli.migration.report import Baseline, Migration, Successor

STYLES: dict[Decision, str] = {"SHIP": "green", "HOLD": "yellow", "BLOCK": "red", "INVALID": "red"}


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
    for successor in report.successors:
        _line(console, successor.verdict.headline, STYLES[successor.verdict.decision])
        for text in (*_beside(report.old, successor), *successor.notable):
            _line(console, f"  {text}", "dim")
    _line(console, report.shared, "dim")
    for text in _next(report):
        _line(console, text)


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style), soft_wrap=True)


def _baseline(old: str, one: Baseline) -> str:
    if not one.why:
        return f"{one.suite}: {old} answered; its run {one.run_id} is kept as the baseline for good."
    if one.run_id is not None:
        return f"{one.suite}: {old} no longer answers ({one.why}). Its stored answers (run {one.run_id}) are used."
    return f"{one.suite}: {old} no longer answers ({one.why}), and no earlier answers to these cases are stored."


def _beside(old: str, successor: Successor) -> Iterator[str]:
    for suite, (before, after) in successor.beside.items():
        values = ", ".join(_amounts(before, after))
        yield f"{suite}, {old} → {successor.target}: {values}"


def _amounts(before: Column | None, after: Column) -> Iterator[str]:
    for label, name, form in (
        ("cost", "cost_usd", "${:.4f}"),
        ("output tokens", "tokens_out", "{:,.0f}"),
        ("median latency", "latency_p50_ms", "{:,.0f} ms"),
        ("p95 latency", "latency_p95_ms", "{:,.0f} ms"),
    ):
        old, new = (None if one is None else getattr(one, name) for one in (before, after))
        shown = ["unknown" if value is None else form.format(value) for value in (old, new)]
        if old is not None or new is not None:
            yield f"{label} {' → '.join(shown)}"


def _next(report: Migration) -> Iterator[str]:
    if report.move is None:
        yield f"No experiment was written: {report.no_move}."
    else:
        yield f"The experiment that moves live traffic is in {report.move.path} (a copy of the project file)."
        for move in report.move.moves:
            yield f"  {move.experiment} on {move.route}: {move.summary}."
        yield f"Next: fairtrial check {report.move.path}, then take its part over into the project file."
    verdicts = " or ".join(f"fairtrial report {one.verdict.verdict_id}" for one in report.successors[:1])
    yield f"To pass the evidence on: {verdicts}"
