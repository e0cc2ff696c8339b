"""Applies what the theme file cannot set: logo, tabular figures, and hidden Streamlit elements."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

LOGO = Path(__file__).parents[1] / "logo.svg"
ICON = LOGO.with_name("icon.svg")
STYLE = """
<style>
  .block-container {padding-top: 3rem; max-width: 1180px}
  [data-testid="stMetricValue"], [data-testid="stMetricDelta"], table {font-variant-numeric: tabular-nums}
  [data-testid="stDecoration"], [data-testid="stAppDeployButton"], #MainMenu, footer {display: none}
  [data-testid="stMetric"] {padding-left: .8rem;
    border-left: 3px solid color-mix(in srgb, currentColor 18%, transparent)}
  [data-testid="stTable"] td [data-testid="stMarkdownContainer"] p {overflow-wrap: break-word}
  [data-testid="stHeading"] h1 {letter-spacing: -.01em}
</style>
"""


def apply() -> None:
    """Set the page's title, icon, logo and style. Must be called first in a run.

    The icons are local files, because Streamlit would load a named symbol from another host.
    """
    st.set_page_config(page_title="fairtrial", page_icon=ICON.read_text(encoding="utf-8"), layout="wide")
    st.html(STYLE)
    st.logo(LOGO.read_text(encoding="utf-8"), size="large")
