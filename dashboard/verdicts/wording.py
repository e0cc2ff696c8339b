"""Words, icons and colours for verdicts and findings. Nothing is shown by colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.client import Row

DECISIONS: Mapping[str, tuple[str, Any, str]] = {
    "SHIP": (":material/check_circle:", "green", "may ship"),
    "HOLD": (":material/hourglass_top:", "orange", "not yet: not enough evidence"),
    "BLOCK": (":material/block:", "red", "must not ship"),
    "INVALID": (":material/help:", "violet", "the evidence is unsound"),
}
RESULTS = {"pass": "✓ pass", "cannot tell": "? cannot tell", "fail": "✗ fail", "invalid": "! invalid"}
WORST_FIRST = ("invalid", "fail", "cannot tell", "pass")
SHAPES = {"pass": "circle", "cannot tell": "diamond", "fail": "triangle-down", "invalid": "cross", "shown": "square"}
"""The shape of each result in charts."""


def badge(decision: str) -> None:
    """Draw SHIP, HOLD, BLOCK or INVALID with its icon."""
    icon, colour, _ = DECISIONS[decision]
    st.badge(decision, icon=icon, color=colour)


def result_of(finding: Row) -> str:
    """The result as a table cell; a finding that is only shown is marked as such."""
    return RESULTS[finding["result"]] if finding["decisive"] else "· shown"
