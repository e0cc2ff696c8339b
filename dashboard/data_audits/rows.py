"""Draws the rows of a finding with their masked texts, and related rows side by side."""

from collections.abc import Sequence

import streamlit as st

from dashboard.client import Control, Refused
from dashboard.components import query_params
from dashboard.components.formatting import plain
from fairtrial.api import data_audits
from fairtrial.domain.training_data import AuditFinding, RowText
from fairtrial.domain.wording import counted

CHANGED = 409
SIZE = 10
"""Rows or groups on a page."""


class Finding(AuditFinding, frozen=True, kw_only=True):
    """A finding, with its ``number`` in the audit and the ``path`` of its file."""

    number: int
    path: str


def draw_rows(control: Control, audit_id: str, finding: Finding) -> None:
    """Draw the numbers of the rows to copy, and one page of their texts."""
    if not finding.rows:
        st.caption("This finding is about the file as a whole.")
        return
    lines = finding.lines
    more = f", the first {len(lines):,} of them" if len(lines) < finding.rows else ""
    with st.expander(f"{counted(finding.rows, 'row number')} to copy{more}"):
        st.code(", ".join(map(str, lines)), language=None, wrap_lines=True)
    limit, offset = query_params.page_place("audited-rows", (audit_id, finding.number), size=SIZE)
    request = data_audits.RowsOf(audit_id=audit_id, finding=finding.number, limit=limit, offset=offset)
    try:
        page = control.call(data_audits.rows, request)
    except Refused as error:
        if error.status != CHANGED:
            raise
        st.warning(plain(f"The texts can't be shown. {error}."), icon=":material/history:")
        return
    st.caption("Personal and secret text that was found stands as its kind, such as \\[email\\].")
    for group in page.groups:
        _group(group, finding)
    query_params.draw_pages("audited-rows", page.total, size=SIZE)


def _group(group: Sequence[RowText], finding: Finding) -> None:
    with st.container(border=True):
        for column, row in zip(st.columns(max(1, len(group))), group, strict=False):
            with column:
                _row(row, finding)
        if not group:
            st.caption("This row can't be read.")


def _row(row: RowText, finding: Finding) -> None:
    elsewhere = f" of {row.file}" if row.file != finding.path else ""
    st.markdown(f"**Row {row.line:,}**{plain(elsewhere)}")
    if row.fields:
        st.caption(plain(row.fields))
    for role, text in row.messages:
        st.caption(plain(role))
        st.code(text, language=None, wrap_lines=True)
    if row.system:
        with st.expander("System prompt"):
            st.code(row.system, language=None, wrap_lines=True)
    if row.cut:
        st.caption(f"{row.cut:,} more characters are only in the file.")
