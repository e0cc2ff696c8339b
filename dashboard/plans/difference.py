"""Draws the difference of two published plans as a table of fields."""

from __future__ import annotations

import json
import re
from typing import Any

import streamlit as st

from dashboard.client import Control, Row
from dashboard.components.formatting import plain
from dashboard.components.tables import prose
from dashboard.plans.publications import FILE, SHORT
from fairtrial.api import plans

ABSENT = "(absent)"
HASH = "plan_hash"
NOUNS = {"deployments": "deployment", "routes": "route", "experiments": "experiment"}
FIELDS = {
    "stage": "stage: percent of units enrolled",
    "control": "control variant",
    "serves": "promoted variant",
    "kept control share": "control kept after the promotion: percent of units",
}
DERIVED = ("salt", "analysis_hash", "digest", "segment")
"""Fields that follow from others are listed last."""
HEX = re.compile(r"[0-9a-f]{24,}")
"""Hashes are shown by their beginning; the files have them whole."""


def render_difference(control: Control, earlier: Row, later: Row) -> None:
    """Draw the fields in which the two plans differ."""
    before, after = earlier[HASH], later[HASH]
    who = later["actor"] or FILE
    st.caption(f"From plan {before[:SHORT]} to plan {after[:SHORT]}. The later one was changed by {plain(who)}.")
    found = control.call(plans.difference, plans.ComparePlans(old=before, new=after))
    rows = [row for row in found if row["path"] != HASH]
    if not rows:
        st.info("The two plans are equal.", icon=":material/equal:")
        return
    rows.sort(key=lambda row: row["path"].rpartition(".")[2] in DERIVED)
    prose([line_of(row) for row in rows], title=f"plan {before[:SHORT]} to {after[:SHORT]}", raw=found)


def line_of(row: Row) -> dict[str, str]:
    """A differing field in words, with its values and whether it was added or removed."""
    old, new = row["old"], row["new"]
    kind = "added" if old is None else "removed" if new is None else "changed"
    place, field = field_words(row["path"])
    return {"in": place, "field": field, "change": kind, "before": _shown(old), "after": _shown(new)}


def field_words(path: str) -> tuple[str, str]:
    """``experiments.a-vs-b.variants.a.weight`` as ``experiment a-vs-b`` and ``split: percent of a``."""
    kind, *rest = path.split(".")
    if kind not in NOUNS or not rest:
        return "plan", path.replace("_", " ")
    name, *inner = rest
    head = f"{NOUNS[kind]} {name}"
    if not inner:
        return head, "whole"
    if len(inner) == 3 and inner[0] == "variants" and inner[2] == "weight":
        return head, f"split: percent of {inner[1]}"
    words = " ".join(inner).replace("_", " ")
    return head, FIELDS.get(words, words)


def _shown(value: Any) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{text[:SHORT]}…" if HEX.fullmatch(text) else text
