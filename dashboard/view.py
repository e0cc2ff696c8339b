"""Defines a page by its title, icon, address and draw function, and refreshes it unless a dialog is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from dashboard.client import Control
from fairtrial.domain.accounts import Role

KEY = "open-dialog"


@dataclass(frozen=True, slots=True)
class View:
    """A page. ``place`` orders the navigation, ``path`` is its address, ``icon`` a Material symbol.

    ``role`` is the lowest role that may open it; ``reading`` is false if the page serves only to change something, so
    that roles that only read may not. Control also enforces roles for all data that the page requests.
    """

    title: str
    icon: str
    path: str
    place: int
    draw: Callable[[Control], None]
    role: Role = "release-manager"
    reading: bool = True


def opened() -> None:
    """A dialog opens in this run of the page."""
    st.session_state[KEY] = True


def closed() -> None:
    """The visitor closed the dialog, or its form was sent."""
    st.session_state[KEY] = False


def refresh_page() -> None:
    """Draw the whole page again, unless a dialog is open; to be called by a part that refreshes itself."""
    if not st.session_state.get(KEY):
        st.rerun(scope="app")
