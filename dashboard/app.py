"""The dashboard's frame: its look, its navigation, and the page that was asked for."""

from __future__ import annotations

from functools import partial

import streamlit as st
from streamlit.navigation.page import Page

from dashboard.client import SESSION_COOKIE, Control, ControlUnreachable, Refused, from_environment
from dashboard.components.formatting import plain
from dashboard.components.theme import dress
from dashboard.view import View
from dashboard.visitor import NOBODY_KNOWS, Visitor, ask_to_sign_in, refuse, say_who, visitor_of
from fairtrial.domain.registry import Registry

VIEWS = Registry("dashboard.views", "view", noun="page", kind=View)
SIGNED_OUT = 401


def draw(view: View, control: Control, visitor: Visitor | None) -> None:
    """Draw one page, or say why it can't be drawn and what to do."""
    if visitor is None:
        return ask_to_sign_in(control)
    if not visitor.may_open(view.role):
        return refuse(visitor, view.title, view.role)
    try:
        if visitor is NOBODY_KNOWS:
            control.get("/api/me")
            st.rerun()  # control is back: first find out who this is
        view.draw(control)
    except ControlUnreachable as error:
        st.error(
            "The control plane does not answer. Traffic goes on and is recorded for later.", icon=":material/cloud_off:"
        )
        st.caption(
            f"{error}. If `fairtrial up` runs, its terminal says what is wrong with control; else start it, or control "
            "alone with `fairtrial control`."
        )
    except Refused as error:
        if error.status == SIGNED_OUT:
            return ask_to_sign_in(control)
        st.error(plain(str(error)), icon=":material/lock:")
    return None


def pages(control: Control, visitor: Visitor | None) -> list[Page]:
    """All pages in their order: what the visitor may not open is not shown, and says so to who asks by address."""
    views = sorted((view for _, view in VIEWS), key=lambda view: view.place)
    theirs = [view for view in views if visitor is not None and visitor.may_open(view.role)]
    found = {
        view.path: st.Page(
            partial(draw, view, control, visitor),
            title=view.title,
            icon=view.icon,
            url_path=view.path,
            visibility="visible" if view in theirs else "hidden",
        )
        for view in views
    }
    return [front_door(found[(theirs or views)[0].path]), *found.values()]


def front_door(first: Page) -> Page:
    """The address without a path leads on to the visitor's first page: Streamlit's default page would have no other."""
    return st.Page(partial(st.switch_page, first), title="fairtrial", url_path="", default=True, visibility="hidden")


def visitors_session() -> str | None:
    """The session that control gave to this browser; a page that is tested without a browser has none."""
    found: object = st.context.cookies.get(SESSION_COOKIE)
    return found if isinstance(found, str) else None


def main() -> None:
    """Draw the frame and the page that was asked for."""
    dress()
    control = from_environment(visitors_session())
    visitor = visitor_of(control)
    chosen = st.navigation(pages(control, visitor))
    with st.sidebar:
        st.caption("A fair trial for fine-tuned models")
        if visitor is not None:
            say_who(visitor, control)
    chosen.run()


main()
