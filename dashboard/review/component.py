"""Mounts the review desk in the page: its own elements, look and keys, from the files in `frontend/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent / "frontend"
SCRIPTS = ("model", "step_queue", "diff", "elements", "pair", "panel", "shortcut_help", "page", "keys", "app")
"""In the order in which they are read; together they are one module."""
KEY = "desk"


@lru_cache(maxsize=1)
def sources() -> tuple[str, str]:
    """The script and the style of the desk: files of this package, never anything that came from elsewhere."""
    script = "\n".join((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    return script, (FOLDER / "app.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def component() -> Any:
    """The component, declared once a process."""
    script, style = sources()
    return st.components.v2.component("fairtrial_desk", js=script, css=style)


def said() -> Sequence[Mapping[str, Any]]:
    """The steps that the page has sent and that were not answered when it did."""
    found = (st.session_state.get(KEY) or {}).get("said") or {}
    steps = found.get("steps", ())
    return [step for step in steps if isinstance(step.get("n"), int) and isinstance(step.get("kind"), str)]


def show(data: Mapping[str, Any]) -> None:
    """Draw the desk."""
    component()(key=KEY, data=data, on_said_change=lambda: None)
