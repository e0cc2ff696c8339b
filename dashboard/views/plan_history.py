"""Draws the configuration history: what was published, the difference of two, and what routes served at a time."""

import streamlit as st

from dashboard.client import Control
from dashboard.components import query_params
from dashboard.components.tables import suggest_command
from dashboard.published_plans import choose_pair, render_difference, render_publications, render_served
from dashboard.view import View
from fairtrial.api import plans
from fairtrial.api.operation import Window

MOST = 1000


def draw(control: Control) -> None:
    """Draw the page."""
    st.title("Configuration history")
    st.caption(
        "A published configuration is the project file with the live state of its experiments. It decides what serves."
    )
    rows = control.call(plans.listing, Window(limit=MOST))
    if not rows:
        suggest_command(
            "No configuration is published yet. Check the project file:", "fairtrial check", icon=":material/rule:"
        )
        return
    st.header("What changed", divider="gray")
    pair = choose_pair(rows)
    if pair is None:
        st.warning("This configuration is not in the history.", icon=":material/search_off:")
        st.button("The newest configurations", on_click=query_params.go)
    else:
        render_difference(control, *pair)
    st.header("What was served", divider="gray")
    render_served(control)
    st.header("Publications", divider="gray")
    render_publications(rows)


view = View(title="Configuration history", icon=":material/manage_history:", path="plan-history", place=8, draw=draw)
