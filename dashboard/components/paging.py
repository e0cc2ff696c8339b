"""Pages of cases: which one is shown, back to the first when the question changes."""

from __future__ import annotations

from collections.abc import Hashable

import streamlit as st

SIZE = 10


def place(key: str, about: Hashable) -> tuple[int, int]:
    """Limit and offset of the page that is shown; ``about`` is what is listed."""
    if st.session_state.get(f"about-{key}") != about:
        st.session_state[f"about-{key}"] = about
        st.session_state.pop(f"page-{key}", None)
    return SIZE, (int(st.session_state.get(f"page-{key}", 1)) - 1) * SIZE


def pages(key: str, total: int) -> None:
    """Where one turns the page; nothing if there is one only."""
    if total > SIZE:
        st.pagination(-(-total // SIZE), key=f"page-{key}")
