"""Filters above a list, stored in the page's URL."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.client import Row
from dashboard.components import query_params


def filtered(found: Sequence[Row], *names: str) -> list[Row]:
    """Draw a filter for each column, side by side, and return the matching rows."""
    wanted: dict[str, str | None] = {}
    for place, name in zip(st.columns(len(names)), names, strict=True):
        with place:
            options = sorted({str(row[name]) for row in found})
            wanted[name] = query_params.choose(name.capitalize(), options, name=name, placeholder="all")
    return [row for row in found if all(value in (None, row[name]) for name, value in wanted.items())]
