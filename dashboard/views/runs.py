"""Runs of suites: the list, one run, or two of them side by side, by what the address says."""

from __future__ import annotations

import streamlit as st

from dashboard.client import Control, Refused
from dashboard.components import query_params
from dashboard.runs import compare
from dashboard.runs import detail as run_page
from dashboard.runs import list as runs_list
from dashboard.view import View

GONE = 404


def draw(control: Control) -> None:
    """Draw what the address names; a run that is not there leads back to the list."""
    run, against = query_params.said("run"), query_params.said("against")
    try:
        if run and against:
            return compare.draw(control, run, against)
        if run:
            return run_page.draw(control, run)
    except Refused as error:
        if error.status != GONE:
            raise
        st.warning(
            "There is no such run: it was never kept here, or retention has ended it.", icon=":material/search_off:"
        )
        st.button("All runs", on_click=query_params.go)
        return None
    return runs_list.draw(control)


view = View(title="Runs", icon=":material/fact_check:", path="runs", place=3, draw=draw)
