"""Selects what a list or page of traffic shows: filters and time window in the URL, and pages of rows."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence

import streamlit as st

from dashboard.client import Row
from dashboard.components import query_params
from fairtrial.domain.limits.constants import MINUTE_US

WINDOW = "window"
DEFAULT_WINDOW = "week"
WINDOW_WORDS: Mapping[str, str] = {
    "hour": "the last hour",
    "day": "the last day",
    "week": "the last week",
    "all": "all time",
}
WINDOW_HOURS: Mapping[str, int | None] = {"hour": 1, "day": 24, "week": 168, "all": None}
PAGE_SIZE = 10


def filtered(rows: Sequence[Row], *names: str) -> list[Row]:
    """Draw a filter for each column, side by side, and return the matching rows."""
    selected: dict[str, str | None] = {}
    for column, name in zip(st.columns(len(names)), names, strict=True):
        with column:
            options = sorted({str(row[name]) for row in rows})
            selected[name] = query_params.choose(name.capitalize(), options, name=name, placeholder="all")
    return [row for row in rows if all(value in (None, row[name]) for name, value in selected.items())]


def choose_window() -> str:
    """Draw the choice; returns the window's name."""
    return (
        query_params.choose(
            "Period", list(WINDOW_WORDS), name=WINDOW, words=lambda window: WINDOW_WORDS[window], default=DEFAULT_WINDOW
        )
        or DEFAULT_WINDOW
    )


def requests_in(window: str) -> str:
    """The start of a caption, such as ``Requests in the last week``."""
    return "All requests" if window == "all" else f"Requests in {WINDOW_WORDS[window]}"


def since_us(window: str) -> int:
    """The start of the window, rounded to the minute so that responses can be cached; 0 means all time."""
    hours = WINDOW_HOURS[window]
    if hours is None:
        return 0
    now_us = time.time_ns() // 1000
    return (now_us - hours * 60 * MINUTE_US) // MINUTE_US * MINUTE_US


def page_place(key: str, about: Hashable, *, size: int = PAGE_SIZE) -> tuple[int, int]:
    """The limit and offset of the current page. ``about`` identifies the listed cases."""
    if st.session_state.get(f"about-{key}") != about:
        st.session_state[f"about-{key}"] = about
        st.session_state.pop(f"page-{key}", None)
    return size, (int(st.session_state.get(f"page-{key}", 1)) - 1) * size


def draw_pages(key: str, total: int, *, size: int = PAGE_SIZE) -> None:
    """Draw the page navigation if there is more than one page."""
    if total > size:
        st.pagination(-(-total // size), key=f"page-{key}")
