"""Verdicts of gates: the list, or the one that the address names with all of its evidence."""

from __future__ import annotations

import streamlit as st

from dashboard.client import Control, Refused
from dashboard.components import query_params
from dashboard.verdicts import detail as verdict_page
from dashboard.verdicts import list as verdict_list
from dashboard.view import View

GONE = 404


def draw(control: Control) -> None:
    """Draw what the address names; a verdict that is not there leads back to the list."""
    verdict_id = query_params.said("verdict")
    if verdict_id is None:
        return verdict_list.draw(control)
    try:
        verdict_page.draw(control, verdict_id)
    except Refused as error:
        if error.status != GONE:
            raise
        st.warning("There is no such verdict here. Choose one of the list.", icon=":material/search_off:")
        st.button("All verdicts", on_click=query_params.go)
    return None


view = View(title="Gate", icon=":material/gavel:", path="gate", place=4, draw=draw)
