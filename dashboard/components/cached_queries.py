"""Caches responses of control that never change, separately for each visitor."""

from __future__ import annotations

from typing import Any

import msgspec
import streamlit as st

from dashboard.client import Control
from fairtrial.api.operation import Operation, Q, R

MINUTES = 30
MAX_ENTRIES = 400


def cached_call(control: Control, operation: Operation[Q, R], request: Q) -> R:
    """The answer of an operation, cached because finished runs and verdicts never change.

    The session is part of the cache key, so that no visitor gets data that only another one may see.
    """
    key = operation.name, msgspec.json.encode(request)
    found: R = _fetch(control.url, control.session, key, operation, request)
    return found


@st.cache_data(ttl=60 * MINUTES, max_entries=MAX_ENTRIES, show_spinner=False)
def _fetch(url: str, session: str | None, key: tuple[str, bytes], _operation: Any, _request: Any) -> Any:  # noqa: ARG001
    return Control(url, session).call(_operation, _request)
