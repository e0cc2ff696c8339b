"""Lists the stored audits of training data, newest first, with what each finds and how that changed."""

from collections.abc import Sequence

import streamlit as st
from msgspec import to_builtins

from dashboard.client import Control
from dashboard.components import charts, query_params
from dashboard.components.formatting import moment_of
from dashboard.components.tables import offer, suggest_command
from fairtrial.api import data_audits
from fairtrial.api.data_audits import AuditRow
from fairtrial.domain.training_data import CheckCount
from fairtrial.domain.wording import counted

MOST = 500
COMMAND = "fairtrial data audit --deployment tuned"
LEVELS = ("error", "warning", "suggestion")
RIGHT = {name: st.column_config.TextColumn(alignment="right") for name in (*LEVELS, "waived", "rows", "change")}


def draw_audit_list(control: Control) -> None:
    """Draw the list."""
    st.title("Data audit")
    audits = control.call(data_audits.listing, data_audits.ListAudits(limit=MOST))
    if not audits:
        suggest_command(
            "No audits yet. Audit the training data of a deployment:", COMMAND, icon=":material/fact_check:"
        )
        return
    names = sorted({name_of(row) for row in audits})
    chosen = query_params.choose("Deployment", names, name="deployment", placeholder="all")
    rows = [row for row in audits if chosen in (None, name_of(row))]
    if chosen is not None:
        _trend(rows)
    lines = [_line(row, _before(rows, at)) for at, row in enumerate(rows)]
    titles = {row.audit_id: f"{name_of(row)}, {moment_of(row.at_time)}: {result_of(row)}" for row in rows}
    query_params.open_row(lines, titles, name="audit", article="an", column_config=RIGHT)
    st.caption("The numbers are rows. A change is that of errors and warnings since the audit before.")
    offer(to_builtins(rows), title="data-audits")


def name_of(row: AuditRow) -> str:
    """The deployment whose lineage was audited."""
    return row.deployment or "files by name"


def rows_at(counts: Sequence[CheckCount], *severities: str) -> int:
    """How many rows the checks find at these severities."""
    return sum(count.rows for count in counts if count.severity in severities)


def result_of(row: AuditRow) -> str:
    """Whether the audit is clean, and how many waivers it needed."""
    waived = f", {counted(len(row.waived), 'waiver')}" if row.waived else ""
    return ("clean" if row.clean else "not clean") + waived


def _trend(rows: Sequence[AuditRow]) -> None:
    """The rows with errors, warnings and suggestions over the audits of one deployment."""
    points = [
        {"at": row.at_time, "variant": level, "rows": rows_at(row.counts, level)} for row in rows for level in LEVELS
    ]
    if len(rows) > 1:
        st.altair_chart(charts.over_time(points, LEVELS, value="rows", title="rows found"), width="stretch")


def _before(rows: Sequence[AuditRow], at: int) -> AuditRow | None:
    """The audit before it of the same deployment."""
    return next((row for row in rows[at + 1 :] if row.deployment == rows[at].deployment), None)


def _line(row: AuditRow, before: AuditRow | None) -> dict[str, str]:
    problems = rows_at(row.counts, "error", "warning")
    return {
        "deployment": name_of(row),
        "audited": moment_of(row.at_time),
        "result": result_of(row),
        **{level: f"{rows_at(row.counts, level):,}" for level in LEVELS},
        "waived": f"{sum(part.count.rows for part in row.waived):,}",
        "rows": f"{sum(file.rows for file in row.files if file.role == 'train'):,}",
        "change": "" if before is None else f"{problems - rows_at(before.counts, 'error', 'warning'):+,}",
        "by": row.actor,
    }
