"""Draws the runs page: the list, one run, or the comparison of two or more runs, depending on the URL."""

import streamlit as st

from dashboard.client import Control, Refused
from dashboard.components import query_params
from dashboard.runs.compare import draw_comparison
from dashboard.runs.detail import draw_run
from dashboard.runs.list import draw_run_list
from dashboard.runs.matrix import draw_matrix
from dashboard.view import View

GONE = 404


def draw(control: Control) -> None:
    """Draw the run or comparison in the URL, or the list."""
    run, against = query_params.get("run"), query_params.get("against")
    several = query_params.get_all("run")
    try:
        if len(several) > 1 and against:
            return draw_matrix(control, several, against)
        if run and against:
            return draw_comparison(control, run, against)
        if run:
            return draw_run(control, run)
    except Refused as error:
        if error.status != GONE:
            raise
        st.warning("This run does not exist, or retention has deleted it.", icon=":material/search_off:")
        st.button("All runs", on_click=query_params.go)
        return None
    return draw_run_list(control)


view = View(title="Runs", icon=":material/fact_check:", path="runs", place=3, draw=draw)
