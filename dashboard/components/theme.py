"""What the theme's file can't say: the logo, figures of equal width, and none of Streamlit's own furniture."""

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
  [data-testid="stHeading"] h1 {letter-spacing: -.01em}
</style>
"""


def dress() -> None:
    """Set the title, the icon, the logo and the style of this page; first of all in a run.

    The icons are our own files: a named symbol as the page's icon would be fetched from another host.
    """
    st.set_page_config(page_title="fairtrial", page_icon=ICON.read_text(encoding="utf-8"), layout="wide")
    st.html(STYLE)
    st.logo(LOGO.read_text(encoding="utf-8"), size="large")
