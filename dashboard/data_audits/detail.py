"""Draws one audit of training data: waivers, what changed since the audit before, findings, and a fixed copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import streamlit as st

from dashboard.client import Control, Row
from dashboard.components import query_params
from dashboard.components.formatting import DASH, count, moment, plain, sentences, table
from dashboard.components.query_params import link
from dashboard.data_audits.list import COMMAND, rows_at
from dashboard.data_audits.rows import draw_rows
from fairtrial.api import data_audits
from fairtrial.domain.wording import counted

SHORT = 12
"""The shown digits of a digest."""


def draw_audit(control: Control, audit_id: str) -> None:
    """Draw the audit."""
    found = control.call(data_audits.one, data_audits.NameAudit(audit_id=audit_id))
    audit = found["audit"]
    st.button("All audits", icon=":material/arrow_back:", type="tertiary", on_click=query_params.go)
    st.title(plain(f"Data audit of {audit['deployment'] or 'files by name'}"))
    _head(audit)
    _waived(audit["waived"])
    _difference(found)
    st.subheader("Findings")
    _findings(control, audit, found)
    _files(control, audit, found["repairs"])


def _head(audit: Row) -> None:
    if audit["clean"]:
        st.success("Clean: no error and no warning, apart from waived ones.", icon=":material/check_circle:")
    else:
        st.error("Not clean: errors or warnings were found that nobody waived.", icon=":material/error:")
    columns = st.columns(4)
    for column, level in zip(columns, ("error", "warning", "suggestion"), strict=False):
        column.metric(f"Rows, {level}", count(rows_at(audit["counts"], level)))
    columns[3].metric("Rows, waived", count(sum(part["count"]["rows"] for part in audit["waived"])))
    st.caption(
        f"{moment(audit['at_us'])} by {plain(audit['actor'])} · version {plain(audit['version'])} of the checks · "
        f"{audit['seconds']:.1f} s · audit {plain(audit['audit_id'])}"
    )


def _waived(waived: Sequence[Row]) -> None:
    if not waived:
        return
    st.subheader("Waivers")
    rows = [
        {
            "findings": "/".join(filter(None, (part["waiver"]["check"], part["waiver"]["kind"]))),
            "rows": count(part["count"]["rows"]),
            "reason": part["waiver"]["reason"],
            "owner": part["waiver"]["owner"],
            "until": part["waiver"]["until"] or "not limited",
        }
        for part in waived
    ]
    sentences(rows, title="waivers")


def _difference(found: Row) -> None:
    """What the previous audit found otherwise."""
    previous = found["previous"]
    if previous is None:
        return
    st.subheader("Since the audit before")
    rows = [
        {"what": row["what"], "rows before": _rows(row["before"]), "rows now": _rows(row["now"])}
        for row in found["difference"]
    ]
    if rows:
        table(rows, title="difference of audits", raw=found["difference"])
    else:
        st.caption("The same files, and the same findings.")
    link(f"The audit of {moment(previous['at_us'])}", "data-audit", audit=previous["audit_id"])


def _rows(number: int | None) -> str:
    return DASH if number is None else f"{number:,}"


def _findings(control: Control, audit: Row, found: Row) -> None:
    findings = [one | {"file": audit["files"][one["file"]]["path"], "number": at}
                for at, one in enumerate(found["findings"])]  # fmt: skip
    if not findings:
        st.caption("None, or the audit was stored by a version that kept only counts. Audit the data again:")
        st.code(COMMAND, language=None)
        return
    chosen: dict[str, str | None] = {}
    for column, name in zip(st.columns(3), ("severity", "check", "file"), strict=True):
        with column:
            options = list(dict.fromkeys(str(one[name]) for one in findings))
            chosen[name] = query_params.choose(name.capitalize(), options, name=name, placeholder="all")
    shown = [one for one in findings if all(value in (None, one[name]) for name, value in chosen.items())]
    if not shown:
        st.info("No finding matches. Change the filters.", icon=":material/search_off:")
        return
    table([_line(one) for one in shown], title="findings", height="content")
    names = {str(one["number"]): _name(one) for one in shown}
    number = query_params.choose("Rows of", list(names), name="finding", words=lambda number: names[number])
    finding = next(one for one in shown if str(one["number"]) == number)
    if finding["check"] in found["checks"]:
        st.caption(plain(f"{finding['check']} looks for {found['checks'][finding['check']]}."))
    draw_rows(control, audit["audit_id"], finding)


def _name(one: Row) -> str:
    kind = f"/{one['kind']}" if one["kind"] else ""
    return f"{one['severity']} {one['check']}{kind} in {one['file']}: {counted(one['rows'], 'row')}"


def _line(one: Mapping[str, Any]) -> dict[str, str]:
    waived = "all" if one.get("is_waived") else f"{one.get('waived', 0):,}"
    return {
        "severity": one["severity"],
        "check": one["check"],
        "kind": one["kind"] or DASH,
        "file": one["file"],
        "rows": f"{one['rows']:,}",
        "waived": waived,
    }


def _files(control: Control, audit: Row, repairs: Sequence[str]) -> None:
    """The audited files, and a fixed copy of one for those who may change something."""
    st.subheader("Files")
    rows = [
        {"file": one["path"], "role": one["role"], "rows": f"{one['rows']:,}", "format": one["format"],
         "SHA-256": one["sha256"][:SHORT]}
        for one in audit["files"]
    ]  # fmt: skip
    table(rows, title="audited files", raw=audit["files"])
    data = {at: one["path"] for at, one in enumerate(audit["files"]) if one["role"] == "train"}
    if control.only_reads or not data:
        return
    with st.expander("Take a fixed copy"):
        st.caption(
            "The copy lacks unreadable rows and exact duplicates, and its personal text is masked. "
            "The repairs below also find good rows, so look at their findings first. The file itself is not changed."
        )
        file = st.selectbox("File", list(data), format_func=lambda at: data[at])
        chosen = st.multiselect("Also apply", list(repairs))
        st.download_button(
            "Fixed copy",
            _copied(control, data_audits.FixedCopy(audit_id=audit["audit_id"], file=file, apply=tuple(chosen))),
            f"{PurePath(data[file]).stem}.fixed.jsonl",
            "application/x-ndjson",
            icon=":material/download:",
            on_click="ignore",
        )


def _copied(control: Control, request: data_audits.FixedCopy) -> Callable[[], bytes]:
    """Makes the copy only when somebody downloads it."""
    return lambda: control.call(data_audits.fixed, request)
