"""Draws the data audit page: the list of audits of training data, or one audit with the rows that it names."""

import streamlit as st

from dashboard.client import Control, Refused
from dashboard.components import query_params
from dashboard.data_audits.detail import draw_audit
from dashboard.data_audits.list import draw_audit_list
from dashboard.view import View

GONE = 404


def draw(control: Control) -> None:
    """Draw the audit in the URL, or the list."""
    audit_id = query_params.get("audit")
    if audit_id is None:
        return draw_audit_list(control)
    try:
        draw_audit(control, audit_id)
    except Refused as error:
        if error.status != GONE:
            raise
        st.warning("This audit does not exist. Choose one from the list.", icon=":material/search_off:")
        st.button("All audits", on_click=query_params.go)
    return None


view = View(title="Data audit", icon=":material/dataset:", path="data-audit", place=6, draw=draw)
