"""Prints the report of an audit of training data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from fairtrial.domain.errors import printable
from fairtrial.domain.wording import counted

if TYPE_CHECKING:
    from evaluators.training_data.audit_report import AuditReport, Issue

COLOURS = {"error": "red", "warning": "yellow", "info": "dim"}
MOST_ROWS = 8
"""Row numbers that are printed; JSON has all."""


def headline(report: AuditReport) -> str:
    """The result in one sentence."""
    rows = counted(sum(file.rows for file in report.files if file.role == "train"), "training row")
    counts = Counter(issue.severity for issue in report.issues)
    if report.clean:
        return f"clean: nothing above information in {rows}"
    found = [counted(counts[name], name) for name in ("error", "warning") if counts[name]]
    return f"not clean: {' and '.join(found)} in {rows}"


def rows_in_words(issue: Issue) -> str:
    """The first rows of an issue, such as ``rows 3, 17, 40 and 12 more``."""
    shown = ", ".join(f"{row}" for row in issue.rows[:MOST_ROWS])
    more = len(issue.rows) - MOST_ROWS
    if not shown:
        return ""
    return f"row{'s' if len(issue.rows) > 1 else ''} {shown}" + (f" and {more:,} more" if more > 0 else "")


def report_as_json(report: AuditReport, about: Mapping[str, Any] | None = None) -> str:
    """The whole report, with all rows. ``about``: what else is known, such as the id of the stored audit."""
    found = {"clean": report.clean, **msgspec.to_builtins(report)}
    return json.dumps(found if about is None else {**found, "stored": dict(about)}, indent=2, ensure_ascii=False)


def print_audit(report: AuditReport) -> None:
    """Print the headline, the files and the issues, the most severe first."""
    from rich.console import Console
    from rich.text import Text

    from fairtrial_cli.output.table import columns, print_table

    console = Console(highlight=False)
    console.print(Text(headline(report), style="bold green" if report.clean else "bold red"))
    for file in report.files:
        console.print(Text(printable(f"  {file.role:<10} {file.path}: {counted(file.rows, 'row')}, {file.format}")))
    rows = [
        (Text(issue.severity, style=COLOURS[issue.severity]), issue.check, _cell(report, issue))
        for issue in report.issues
    ]
    print_table(console, columns("severity", "check", "issue", prose=("issue",)), rows, with_head=False)


def _cell(report: AuditReport, issue: Issue) -> str:
    rows = rows_in_words(issue)
    several = sum(file.role == "train" for file in report.files) > 1 and rows
    return issue.says + (f" ({f'{issue.file}, ' if several else ''}{rows})" if rows else "")
