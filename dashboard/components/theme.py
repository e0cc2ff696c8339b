"""Applies what the theme file cannot set: logo, tabular figures, and hidden Streamlit elements."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fairtrial import html_pages

LOGO = Path(__file__).parents[1] / "logo.svg"
ICON = LOGO.with_name("icon.svg")
STYLE = Path(__file__).with_suffix(".css")


def apply() -> None:
    """Set the page's title, icon, logo and style. Must be called first in a run.

    The icons are local files, because Streamlit would load a named symbol from another host.
    """
    st.set_page_config(page_title="fairtrial", page_icon=ICON.read_text(encoding="utf-8"), layout="wide")
    st.html(STYLE)
    st.logo(LOGO.read_text(encoding="utf-8"), size="large")


def link(address: str, label: str, *, kind: str = "", new_tab: bool = False) -> None:
    """Draw a link, which Streamlit's own elements would open in a new tab. ``kind``: a class of `theme.css`."""
    st.html(html_pages.render("link.html", address=address, label=label, kind=kind, new_tab=new_tab))
