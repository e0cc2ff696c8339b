"""Draws the gate page: the list of verdicts, or one verdict with its evidence."""

import streamlit as st

from dashboard.client import Control, Refused
from dashboard.components import query_params
from dashboard.verdicts.detail import draw_verdict
from dashboard.verdicts.list import draw_verdict_list
from dashboard.view import View

GONE = 404


def draw(control: Control) -> None:
    """Draw the verdict in the URL, or the list."""
    verdict_id = query_params.get("verdict")
    if verdict_id is None:
        return draw_verdict_list(control)
    try:
        draw_verdict(control, verdict_id)
    except Refused as error:
        if error.status != GONE:
            raise
        st.warning("This verdict does not exist. Choose one from the list.", icon=":material/search_off:")
        st.button("All verdicts", on_click=query_params.go)
    return None


view = View(title="Gate", icon=":material/gavel:", path="gate", place=4, draw=draw)
