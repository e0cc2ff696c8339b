"""Renders the report of an audit as one HTML file without scripts, with all text from rows escaped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fairtrial import html_pages
from fairtrial.domain.errors import printable
from fairtrial.domain.wording import counted
from fairtrial_cli.training_data.audit_text import headline

if TYPE_CHECKING:
    from evaluators.training_data.audit_report import AuditReport

MOST_ROWS = 1_000
MOST_DETAILS = 20_000
"""Row numbers of an issue, and characters of its details, that the page shows; JSON has all."""


def render(report: AuditReport) -> str:
    """The page."""
    return html_pages.render(
        "data_audit.html",
        title="Audit of training data",
        report=report,
        headline=headline(report),
        issues=[(one, json.dumps(one.details, indent=2, ensure_ascii=False)[:MOST_DETAILS]) for one in report.issues],
        most_rows=MOST_ROWS,
        counted=counted,
        printable=printable,
    )
