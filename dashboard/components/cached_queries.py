"""Caches responses of control that never change, separately for each visitor."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.client import Control

MINUTES = 30
MAX_ENTRIES = 400


def cached_get(control: Control, path: str, **query: Any) -> Any:
    """The response of ``GET path``, cached because finished runs and verdicts never change.

    The session is part of the cache key, so that no visitor gets data that only another one may see.
    """
    parameters = tuple(sorted((name, value) for name, value in query.items() if value is not None))
    return _fetch(control.url, control.session, path, parameters)


@st.cache_data(ttl=60 * MINUTES, max_entries=MAX_ENTRIES, show_spinner=False)
def _fetch(url: str, session: str | None, path: str, parameters: tuple[tuple[str, Any], ...]) -> Any:
    return Control(url, session).get(path, **{name: list(v) if isinstance(v, tuple) else v for name, v in parameters})
