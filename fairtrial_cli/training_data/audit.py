"""Reports an audit of training data as text or JSON, and stores it for the gate rule `data.audit clean`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from evaluators.training_data.audited_deployment import AuditedDeployment, audit_request
from fairtrial.api import data_audits
from fairtrial.domain import training_data
from fairtrial.domain.errors import printable
from fairtrial.domain.verdicts.verdict_wording import dollars
from fairtrial.domain.wording import counted
from fairtrial.privacy.patterns import scope
from fairtrial_cli.store_client.client import open_store

if TYPE_CHECKING:
    from rich.text import Text

    from evaluators.training_data.audit_report import AuditReport, Issue
    from fairtrial.api.data_audits import StoredAudit


NOT_LOOKED_FOR = (
    f"{scope()[1]} Hardly found: answers that were swapped between rows in small talk, and wrong labels in texts "
    "whose words say little about the label, such as headlines."
)
"""What the checks leave out, or hardly find."""
COLOURS = {"error": "red", "warning": "yellow", "suggestion": "cyan", "info": "dim"}
MOST_ROWS = 8
"""Row numbers that are printed; JSON has all."""


def headline(report: AuditReport) -> str:
    """The result in one sentence."""
    rows = counted(sum(file.rows for file in report.files if file.role == "train"), "training row")
    counts = Counter(issue.severity for issue in report.issues if not issue.is_waived)
    suggestions = f"; {counted(number, 'suggestion')}" if (number := counts["suggestion"]) else ""
    waived = sum(len(issue.waived) for issue in report.issues)
    suggestions += f"; {counted(waived, 'waiver')} applied" if waived else ""
    if report.clean:
        unwaived = "unwaived " if waived else ""
        return f"clean: no {unwaived}error and no {unwaived}warning in {rows}{suggestions}"
    problems = [counted(counts[name], name) for name in training_data.PROBLEMS if counts[name]]
    return f"not clean: {' and '.join(problems)} in {rows}{suggestions}"


def lines_in_words(lines: Sequence[int]) -> str:
    """The first lines of some rows, such as ``rows 3, 17, 40 and 12 more``."""
    shown = ", ".join(f"{line}" for line in lines[:MOST_ROWS])
    more = len(lines) - MOST_ROWS
    if not shown:
        return ""
    return f"row{'s' if len(lines) > 1 else ''} {shown}" + (f" and {more:,} more" if more > 0 else "")


def report_as_json(report: AuditReport, about: Mapping[str, Any] | None = None) -> str:
    """The whole report, with all rows. ``about``: what else is known, such as the id of the stored audit."""
    report_json = {"clean": report.clean, "not_looked_for": NOT_LOOKED_FOR, **msgspec.to_builtins(report)}
    return json.dumps(
        report_json if about is None else {**report_json, "stored": dict(about)}, indent=2, ensure_ascii=False
    )


def print_audit(report: AuditReport) -> None:
    """Print the headline, what is not looked for, the files and the issues, the most severe first."""
    from rich.console import Console
    from rich.text import Text

    from fairtrial_cli.output.terminal import columns, print_table

    console = Console(highlight=False)
    console.print(Text(headline(report), style="bold green" if report.clean else "bold red"))
    console.print(Text(NOT_LOOKED_FOR, style="dim"))
    for file in report.files:
        console.print(Text(printable(f"  {file.role:<10} {file.path}: {counted(file.rows, 'row')}, {file.format}")))
    for warning in report.waiver_warnings:
        console.print(Text(printable(f"warning: {warning}"), style="yellow"))
    rows = [(_severity(issue), issue.check, _cell(report, issue)) for issue in report.issues]
    print_table(console, columns("severity", "check", "issue", prose=("issue",)), rows, with_head=False)


def _severity(issue: Issue) -> Text:
    from rich.text import Text

    return Text("waived", style="dim") if issue.is_waived else Text(issue.severity, style=COLOURS[issue.severity])


def _cell(report: AuditReport, issue: Issue) -> str:
    rows = lines_in_words(issue.rows)
    several = sum(file.role == "train" for file in report.files) > 1 and rows
    waived = "".join(f"; waived in {len(part.rows):,} {part.waiver.says}" for part in issue.waived)
    return issue.says + (f" ({f'{issue.file}, ' if several else ''}{rows})" if rows else "") + waived


def store_audit(audited: AuditedDeployment, report: AuditReport, seconds: float) -> StoredAudit:
    """Store the result; returns its id, and whether it is clean."""
    request = audit_request(audited, report, seconds)
    with open_store(audited.project.layout, audited.project.path) as store:
        return store.call(data_audits.store, request)


def stored_sentence(audited: AuditedDeployment, stored: StoredAudit, seconds: float) -> str:
    """What was stored, and what audit and training cost."""
    cost = audited.lineage.cost
    training = "its cost is not declared" if cost is None else f"it cost {dollars(cost)}"
    clean = "clean" if stored.clean else "not clean"
    rows = counted(len(audited.lineage.files()), "file")
    took = f"It took {seconds:.1f} seconds and no model."
    trained = f"The training: {audited.lineage.method} from {audited.lineage.base}; {training}."
    return f"Stored as audit {stored.audit_id} of {audited.name} ({rows}, {clean}). {took} {trained}"
