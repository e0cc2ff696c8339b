"""Draws one audit of training data: waivers, what changed since the audit before, findings, and a fixed copy."""

from collections.abc import Sequence
from pathlib import PurePath

import streamlit as st
from msgspec import to_builtins
from msgspec.structs import asdict

from dashboard.client import Control, Refused
from dashboard.components import query_params
from dashboard.components.formatting import DASH, count, moment, plain
from dashboard.components.query_params import link
from dashboard.components.tables import sentences, table
from dashboard.data_audits.list import COMMAND, rows_at
from dashboard.data_audits.rows import Finding, draw_rows
from fairtrial.api import data_audits
from fairtrial.api.data_audits import AuditDetails, ShownAudit
from fairtrial.domain.training_data import WaivedCount
from fairtrial.domain.wording import counted

SHORT = 12
"""The shown digits of a digest."""
COPY = "fixed copy"
"""The newest fixed copy with its request, in the state of a session: a page that is drawn anew still offers it."""
FILTERED = ("severity", "check", "path")
"""The fields of a finding by which a reader chooses."""


def draw_audit(control: Control, audit_id: str) -> None:
    """Draw the audit."""
    details = control.call(data_audits.one, data_audits.NameAudit(audit_id=audit_id))
    audit = details.audit
    st.button("All audits", icon=":material/arrow_back:", type="tertiary", on_click=query_params.go)
    st.title(plain(f"Data audit of {audit.deployment or 'files by name'}"))
    _head(audit)
    _waived(audit.waived)
    _difference(details)
    st.subheader("Findings")
    _findings(control, details)
    _files(control, audit, details.repairs)


def _head(audit: ShownAudit) -> None:
    if audit.clean:
        st.success("Clean: no error and no warning, apart from waived ones.", icon=":material/check_circle:")
    else:
        st.error("Not clean: errors or warnings were found that nobody waived.", icon=":material/error:")
    columns = st.columns(4)
    for column, level in zip(columns, ("error", "warning", "suggestion"), strict=False):
        column.metric(f"Rows with {level}s", count(rows_at(audit.counts, level)))
    columns[3].metric("Rows waived", count(sum(part.count.rows for part in audit.waived)))
    st.caption(
        f"{moment(audit.at_us)} by {plain(audit.actor)} · version {plain(audit.version)} of the checks · "
        f"{audit.seconds:.1f} s · audit {plain(audit.audit_id)}"
    )


def _waived(waived: Sequence[WaivedCount]) -> None:
    if not waived:
        return
    st.subheader("Waivers")
    rows = [
        {
            "findings": part.waiver.subject,
            "rows": count(part.count.rows),
            "reason": part.waiver.reason,
            "owner": part.waiver.owner,
            "until": part.waiver.until or "not limited",
        }
        for part in waived
    ]
    sentences(rows, title="waivers")


def _difference(details: AuditDetails) -> None:
    """What the previous audit found otherwise."""
    previous = details.previous
    if previous is None:
        return
    st.subheader("Since the audit before")
    rows = [
        {"what": row.what, "rows before": _rows(row.before), "rows now": _rows(row.now)} for row in details.difference
    ]
    if rows:
        table(rows, title="difference of audits", raw=to_builtins(details.difference))
    else:
        st.caption("The same files, and the same findings.")
    link(f"The audit of {moment(previous.at_us)}", "data-audit", audit=previous.audit_id)


def _rows(number: int | None) -> str:
    return DASH if number is None else f"{number:,}"


def _findings(control: Control, details: AuditDetails) -> None:
    findings = [
        Finding(**asdict(finding), number=number, path=details.audit.files[finding.file].path)
        for number, finding in enumerate(details.findings)
    ]
    if not findings:
        st.caption("None, or the audit was stored by a version that kept only counts. Audit the data again:")
        st.code(COMMAND, language=None)
        return
    chosen: dict[str, str | None] = {}
    for column, name, field in zip(st.columns(3), ("severity", "check", "file"), FILTERED, strict=True):
        with column:
            options = list(dict.fromkeys(str(getattr(row, field)) for row in findings))
            chosen[field] = query_params.choose(name.capitalize(), options, name=name, placeholder="all")
    shown = [row for row in findings if all(value in (None, getattr(row, field)) for field, value in chosen.items())]
    if not shown:
        st.info("No finding matches. Change the filters.", icon=":material/search_off:")
        return
    table([_line(row) for row in shown], title="findings", height="content")
    names = {str(row.number): _name(row) for row in shown}
    number = query_params.choose("Rows of", list(names), name="finding", words=lambda number: names[number])
    finding = next(row for row in shown if str(row.number) == number)
    if finding.check in details.checks:
        st.caption(plain(f"{finding.check} looks for {details.checks[finding.check]}."))
    draw_rows(control, details.audit.audit_id, finding)


def _name(finding: Finding) -> str:
    kind = f"/{finding.kind}" if finding.kind else ""
    return f"{finding.severity} {finding.check}{kind} in {finding.path}: {counted(finding.rows, 'row')}"


def _line(finding: Finding) -> dict[str, str]:
    return {
        "severity": finding.severity,
        "check": finding.check,
        "kind": finding.kind or DASH,
        "file": finding.path,
        "rows": f"{finding.rows:,}",
        "waived": "all" if finding.is_waived else f"{finding.waived:,}",
    }


def _files(control: Control, audit: ShownAudit, repairs: Sequence[str]) -> None:
    """The audited files, and a fixed copy of one for those who may change something."""
    st.subheader("Files")
    rows = [
        {"file": audited.path, "role": audited.role, "rows": f"{audited.rows:,}", "format": audited.format,
         "SHA-256": audited.sha256[:SHORT]}
        for audited in audit.files
    ]  # fmt: skip
    table(rows, title="audited files", raw=to_builtins(audit.files))
    data = {at: audited.path for at, audited in enumerate(audit.files) if audited.role == "train"}
    if control.only_reads or not data:
        return
    with st.expander("Take a fixed copy"):
        st.caption(
            "The copy lacks broken lines. Personal text is masked where check digits or its form prove it. "
            "The repairs below also find good rows, so look at their findings first. The file itself is not changed."
        )
        file = st.selectbox("File", list(data), format_func=lambda at: data[at])
        chosen = st.multiselect("Also apply", list(repairs))
        request = data_audits.FixedCopy(audit_id=audit.audit_id, file=file, apply=tuple(chosen))
        if st.button("Make the copy", icon=":material/build:"):
            _make(control, request)
        made, content = st.session_state.get(COPY, (None, b""))
        if made == request:
            name = f"{PurePath(data[file]).stem}.fixed.jsonl"
            icon = ":material/download:"
            st.download_button(f"Download {name}", content, name, "application/x-ndjson", icon=icon, on_click="ignore")


def _make(control: Control, request: data_audits.FixedCopy) -> None:
    """Keep the copy for this session, or say why it can't be made."""
    st.session_state.pop(COPY, None)
    try:
        with st.spinner("Making the copy…"):
            st.session_state[COPY] = request, control.call(data_audits.fixed, request)
    except Refused as error:
        st.error(plain(str(error)))
