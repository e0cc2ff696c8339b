"""Knows whether the visitor has a dialog open, so that no refresh of the page closes it with what was typed."""

from __future__ import annotations

import streamlit as st

KEY = "open-dialog"


def opened() -> None:
    """A dialog opens in this run of the page."""
    st.session_state[KEY] = True


def closed() -> None:
    """The visitor closed the dialog, or its form was sent."""
    st.session_state[KEY] = False


def refresh_page() -> None:
    """Draw the whole page again, unless a dialog is open; to be called by a part that refreshes itself."""
    if not st.session_state.get(KEY):
        st.rerun(scope="app")
