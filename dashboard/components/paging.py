"""Pages a list of cases, and returns to the first page when the filter changes."""

from __future__ import annotations

from collections.abc import Hashable

import streamlit as st

SIZE = 10


def place(key: str, about: Hashable, *, size: int = SIZE) -> tuple[int, int]:
    """The limit and offset of the current page. ``about`` identifies the listed cases."""
    if st.session_state.get(f"about-{key}") != about:
        st.session_state[f"about-{key}"] = about
        st.session_state.pop(f"page-{key}", None)
    return size, (int(st.session_state.get(f"page-{key}", 1)) - 1) * size


def pages(key: str, total: int, *, size: int = SIZE) -> None:
    """Draw the page navigation if there is more than one page."""
    if total > size:
        st.pagination(-(-total // size), key=f"page-{key}")
