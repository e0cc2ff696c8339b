"""The dashboard's frame: its look, its navigation, and the page that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard.client import SESSION_COOKIE, Control, ControlUnreachable, Refused, from_environment
from dashboard.view import View
from dashboard.words import plain
from fairtrial.domain.registry import Registry

VIEWS = Registry("dashboard.views", "view", noun="page", kind=View)
LOOK = """
<style>
  .block-container {padding-top: 3.2rem; max-width: 1180px}
  [data-testid="stMetricValue"] {font-variant-numeric: tabular-nums}
  [data-testid="stDecoration"], #MainMenu, footer {display: none}
</style>
"""


def draw(view: View, control: Control) -> None:
    """Draw one page, or say what to do when control does not answer."""
    try:
        view.draw(control)
    except ControlUnreachable as error:
        st.error("The control plane does not answer. Traffic goes on; nothing is lost.", icon=":material/cloud_off:")
        st.caption(f"{error}. Start everything with `fairtrial up`, or control alone with `fairtrial control`.")
    except Refused as error:
        st.error(plain(str(error)), icon=":material/lock:")


def page(view: View, control: Control) -> Callable[[], None]:
    """The function that Streamlit calls for a page."""
    return partial(draw, view, control)


def visitors_session() -> str | None:
    """The session that control gave to this browser; a page that is tested without a browser has none."""
    found: object = st.context.cookies.get(SESSION_COOKIE)
    return found if isinstance(found, str) else None


def main() -> None:
    """Draw the frame and the page that was asked for."""
    st.set_page_config(page_title="fairtrial", page_icon=":material/balance:", layout="wide")
    st.html(LOOK)
    control = from_environment(visitors_session())
    views = sorted((view for _, view in VIEWS), key=lambda view: view.place)
    pages = [
        st.Page(page(view, control), title=view.title, icon=view.icon, url_path=view.path, default=not number)
        for number, view in enumerate(views)
    ]
    chosen = st.navigation(pages)
    with st.sidebar:
        st.caption("A fair trial for fine-tuned models")
    chosen.run()


main()
