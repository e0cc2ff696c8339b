"""Questions to control whose answers can't change: kept for the visitor who may see them, and for nobody else."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.client import Control

MINUTES = 30
MOST = 400


def unchanging(control: Control, path: str, **query: Any) -> Any:
    """The answer of ``GET path``, asked once a visitor: finished runs and verdicts never change.

    The session is a part of the key: what one visitor may see is never handed to another.
    """
    asked = tuple(sorted((name, value) for name, value in query.items() if value is not None))
    return _kept(control.url, control.session, path, asked)


@st.cache_data(ttl=60 * MINUTES, max_entries=MOST, show_spinner=False)
def _kept(url: str, session: str | None, path: str, asked: tuple[tuple[str, Any], ...]) -> Any:
    return Control(url, session).get(path, **{name: list(v) if isinstance(v, tuple) else v for name, v in asked})
