"""Mounts the review app, a Streamlit component made of the files in `frontend/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent / "frontend"
SCRIPTS = ("model", "step_queue", "diff", "elements", "pair", "panel", "shortcut_help", "page", "keys", "app")
"""The scripts in load order. They are concatenated into one module."""
KEY = "review"


@lru_cache(maxsize=1)
def sources() -> tuple[str, str]:
    """The script and the style sheet.

    They contain no text of a model or a user, because Streamlit runs the script in the page.
    """
    script = "\n".join((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    return script, (FOLDER / "app.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def component() -> Any:
    """The component, declared once per process."""
    script, style = sources()
    return st.components.v2.component("fairtrial_review", js=script, css=style)


def pending_steps() -> Sequence[Mapping[str, Any]]:
    """The steps that the browser sent without having seen an acknowledgement.

    A step is one action of the reviewer: ``n`` is its number and ``kind`` its verb; `frontend/step_queue.js` makes it.
    """
    sent = (st.session_state.get(KEY) or {}).get("sent") or {}
    steps = sent.get("steps", ())
    return [step for step in steps if isinstance(step.get("n"), int) and isinstance(step.get("kind"), str)]


def show_review_app(data: Mapping[str, Any]) -> None:
    # The empty callback declares `sent` as a value that the browser may set.
    component()(key=KEY, data=data, on_sent_change=lambda: None)
