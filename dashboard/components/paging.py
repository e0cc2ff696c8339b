"""Pages a list of cases, and returns to the first page when the filter changes."""

from __future__ import annotations

from collections.abc import Hashable

import streamlit as st

SIZE = 10


def place(key: str, about: Hashable) -> tuple[int, int]:
    """The limit and offset of the current page. ``about`` identifies the listed cases."""
    if st.session_state.get(f"about-{key}") != about:
        st.session_state[f"about-{key}"] = about
        st.session_state.pop(f"page-{key}", None)
    return SIZE, (int(st.session_state.get(f"page-{key}", 1)) - 1) * SIZE


def pages(key: str, total: int) -> None:
    """Draw the page navigation if there is more than one page."""
    if total > SIZE:
        st.pagination(-(-total // SIZE), key=f"page-{key}")
