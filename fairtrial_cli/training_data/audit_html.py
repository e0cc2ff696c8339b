"""Renders the report of an audit as one HTML file without scripts, with all text from rows escaped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from fairtrial.domain.errors import printable
from fairtrial.domain.plurals import counted
from fairtrial_cli.training_data.audit_text import headline

if TYPE_CHECKING:
    from evaluators.training_data.audit_report import AuditReport, Issue

MOST_ROWS = 1_000
MOST_DETAILS = 20_000
"""Row numbers of an issue, and characters of its details, that the page shows; JSON has all."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
.files { overflow-x: auto; } .files code { white-space: nowrap; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #8884; }
td.number { text-align: right; }
code, pre { font-size: .85rem; overflow-wrap: anywhere; white-space: pre-wrap; }
.issue { border-left: .3rem solid #888; padding: .2rem 1rem; margin: 1rem 0; }
.error { border-color: #c22; } .warning { border-color: #c80; } .info { border-color: #888; }
.tag { font-weight: 600; } .clean { color: light-dark(#272, #7c7); } .notclean { color: light-dark(#b22, #f87); }
"""


def render(report: AuditReport) -> str:
    """The page."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: AuditReport) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Audit of training data</title><style>{STYLE}</style></head><body>"
    yield "<h1>Audit of training data</h1>"
    yield f'<p class="tag {"clean" if report.clean else "notclean"}">{_safe(headline(report))}</p>'
    yield from _files(report)
    yield "<h2>Issues</h2>"
    for issue in report.issues:
        yield from _issue(issue)
    yield f"<p>Version {_safe(report.version)} of the checks.</p></body></html>"


def _files(report: AuditReport) -> Iterator[str]:
    yield '<h2>Files</h2><div class="files"><table>'
    yield "<tr><th>File</th><th>Role</th><th>Format</th><th>Rows</th><th>SHA-256</th></tr>"
    for file in report.files:
        yield (
            f"<tr><td>{_safe(file.path)}</td><td>{_safe(file.role)}</td><td>{_safe(file.format)}</td>"
            f'<td class="number">{file.rows:,}</td><td><code>{_safe(file.sha256)}</code></td></tr>'
        )
    yield "</table></div>"


def _issue(issue: Issue) -> Iterator[str]:
    yield f'<div class="issue {escape(issue.severity)}">'
    yield f'<p><span class="tag">{escape(issue.severity)}: {_safe(issue.check)}</span> in {_safe(issue.file)}<br>'
    yield f"{_safe(issue.says)}</p>"
    if issue.rows:
        shown = ", ".join(map(str, issue.rows[:MOST_ROWS]))
        more = " …" if len(issue.rows) > MOST_ROWS else ""
        yield f"<details><summary>{counted(len(issue.rows), 'row')}</summary><code>{shown}{more}</code></details>"
    if issue.details:
        text = json.dumps(issue.details, indent=2, ensure_ascii=False)[:MOST_DETAILS]
        yield f"<details><summary>Details</summary><pre>{escape(text)}</pre></details>"
    yield "</div>"


def _safe(text: str) -> str:
    return escape(printable(text))
