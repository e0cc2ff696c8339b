"""Draws the dashboard: theme, navigation, and the requested page."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from dashboard.client import SESSION_COOKIE, Control, ControlUnreachable, Refused, from_environment
from dashboard.components.formatting import plain
from dashboard.view import UNKNOWN_VISITOR, View, Visitor, ask_to_sign_in, refuse, render_visitor, visitor_of
from fairtrial.api import accounts
from fairtrial.api.operation import Nothing
from fairtrial.domain.registry import Registry
from fairtrial.domain.wording import WITHOUT_CONTROL

VIEWS = Registry("dashboard.views", "view", noun="page", kind=View)
SIGNED_OUT = 401
LOGO = Path(__file__).with_name("logo.svg")
ICON = LOGO.with_name("icon.svg")
STYLE = LOGO.with_name("theme.css")  # what the theme file cannot set: tabular figures, and hidden Streamlit elements


def draw(view: View, control: Control, visitor: Visitor | None) -> None:
    """Draw a page, or explain why it can't be drawn."""
    if visitor is None:
        return ask_to_sign_in(control)
    if not visitor.may_open(view):
        return refuse(visitor, view)
    try:
        if visitor is UNKNOWN_VISITOR:
            control.call(accounts.me, Nothing())
            st.rerun()  # control is back, so identify the visitor first
        view.draw(control)
    except ControlUnreachable as error:
        st.error(f"Control does not answer. {WITHOUT_CONTROL}", icon=":material/cloud_off:")
        st.caption(
            f"{error}. If `fairtrial up` is running, its terminal shows the problem with control. Otherwise start it, "
            "or start control alone with `fairtrial control`."
        )
    except Refused as error:
        if error.status == SIGNED_OUT:
            return ask_to_sign_in(control)
        st.error(plain(str(error)), icon=":material/lock:")
    return None


def pages(control: Control, visitor: Visitor | None) -> list[Page]:
    """All pages in order. Pages that the visitor may not open are hidden, and explain why when opened by address."""
    views = sorted((view for _, view in VIEWS), key=lambda view: view.place)
    theirs = [view for view in views if visitor is not None and visitor.may_open(view)]
    by_path = {
        view.path: st.Page(
            partial(draw, view, control, visitor),
            title=view.title,
            icon=view.icon,
            url_path=view.path,
            visibility="visible" if view in theirs else "hidden",
        )
        for view in views
    }
    return [landing_page(by_path[(theirs or views)[0].path]), *by_path.values()]


def landing_page(first: Page) -> Page:
    """Redirects the root address to the visitor's first page, because Streamlit's default page has no other address."""
    return st.Page(partial(st.switch_page, first), title="fairtrial", url_path="", default=True, visibility="hidden")


def session_token() -> str | None:
    """The browser's session token; ``None`` in tests without a browser."""
    cookie: object = st.context.cookies.get(SESSION_COOKIE)
    return cookie if isinstance(cookie, str) else None


def apply_theme() -> None:
    """Set the page's title, icon, logo and style. Must be called first in a run.

    The icons are local files, because Streamlit would load a named symbol from another host.
    """
    st.set_page_config(page_title="fairtrial", page_icon=ICON.read_text(encoding="utf-8"), layout="wide")
    st.html(STYLE)
    st.logo(LOGO.read_text(encoding="utf-8"), size="large")


def main() -> None:
    """Draw the navigation and the requested page."""
    apply_theme()
    control = from_environment(session_token())
    visitor = visitor_of(control)
    control = replace(control, only_reads=visitor is not None and visitor.only_reads)
    chosen = st.navigation(pages(control, visitor))
    with st.sidebar:
        st.caption("A fair trial for fine-tuned models")
        if visitor is not None:
            render_visitor(visitor, control)
    chosen.run()


main()
