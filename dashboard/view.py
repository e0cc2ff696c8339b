"""Defines pages, and identifies the visitor who may open them, with links to control's pages for signing in and out."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urljoin, urlsplit

import streamlit as st

from dashboard.client import Control, ControlUnreachable, Refused
from dashboard.components.formatting import plain
from fairtrial import html_pages
from fairtrial.api import accounts
from fairtrial.api.operation import Nothing
from fairtrial.domain.accounts import Role, may, only_reads

KEY = "open-dialog"
CONTROL_PUBLIC_URL = "FAIRTRIAL_CONTROL_PUBLIC_URL"
"""The address by which browsers reach control, if not by its port on the dashboard's host name."""


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


def ask_reason(name: str, button: str, act: Callable[[str], object]) -> None:
    """Draw the form of a dialog, with the reason that ``act`` gets. The page is drawn again once that is done."""
    with st.form(name, border=False):
        why = st.text_input("Reason (required)", max_chars=500, key=f"reason to {name}")
        confirmed = st.form_submit_button(button, type="primary")
    if not confirmed:
        return
    try:
        act(why)
    except Refused as error:
        st.error(plain(str(error)))
        return
    closed()
    st.rerun()


def refresh_page() -> None:
    """Draw the whole page again, unless a dialog is open; to be called by a part that refreshes itself."""
    if not st.session_state.get(KEY):
        st.rerun(scope="app")


@dataclass(frozen=True, slots=True)
class Visitor:
    """The person who views the pages."""

    name: str
    role: Role

    @property
    def only_reads(self) -> bool:
        """Whether the visitor may change nothing, so that pages show no buttons for it."""
        return only_reads(self.role)

    def may_open(self, view: View) -> bool:
        """Whether the visitor may open a page."""
        return may(self.role, view.role, reading=view.reading)


UNKNOWN_VISITOR = Visitor("", "admin")
"""The visitor while control is unavailable. Every page then shows an error instead of data."""


def visitor_of(control: Control) -> Visitor | None:
    """The visitor according to control; ``None`` if they must sign in first."""
    try:
        account = control.call(accounts.me, Nothing())
    except ControlUnreachable:
        return UNKNOWN_VISITOR
    except Refused as error:
        return None if error.status == 401 else UNKNOWN_VISITOR
    return Visitor(account.name, account.role)


def ask_to_sign_in(control: Control) -> None:
    """The page for a visitor who has not signed in."""
    st.title("Sign in")
    st.markdown("Sign in to use this dashboard.")
    here, query = st.context.url or "", urlencode(st.query_params.to_dict())
    here += f"?{query}" if here and query else ""
    link(page_of_control(control, "/sign-in", here), "Sign in", kind="button")
    st.caption("No account yet? Ask an admin for an invitation link (`fairtrial accounts invite`).")
    st.caption(
        "No accounts exist yet? Open the link that `fairtrial up` printed. It works once, within 15 minutes. "
        "`fairtrial dashboard --link` prints another one."
    )


def refuse(visitor: Visitor, view: View) -> None:
    """The page for a visitor whose role is too low."""
    st.title(plain(view.title))
    st.error(f"This page needs the role {view.role}. You are signed in as {plain(visitor.name)} ({visitor.role}).")


def render_visitor(visitor: Visitor, control: Control) -> None:
    """Draw the visitor's name, role and sign-out link in the sidebar.

    The link is the same on all pages: the browser would replace another one, and lose a click during that moment.
    """
    if visitor is UNKNOWN_VISITOR:
        return
    limit = ", read only" if visitor.only_reads else ""
    st.caption(f"Signed in as **{plain(visitor.name)}** ({visitor.role}{limit})")
    first_page = urljoin(st.context.url, ".") if st.context.url else ""
    link(page_of_control(control, "/sign-out", first_page), "Sign out", kind="small")


def page_of_control(control: Control, path: str, back: str) -> str:
    """A page of control on the host name that this browser uses, with a link back to this page of the dashboard."""
    return address_at_control(control, path) + (f"?next={quote(back, safe='')}" if back else "")


def address_at_control(control: Control, path: str) -> str:
    """The address of a page of control, by which this browser reaches it."""
    public = os.environ.get(CONTROL_PUBLIC_URL, "").rstrip("/") or _beside(st.context.url or "", control.url)
    return f"{public}{path}"


def _beside(here: str, control_url: str) -> str:
    """Control's scheme and port on the host of ``here``, because cookies ignore ports but not host names."""
    control, host = urlsplit(control_url), urlsplit(here).hostname
    if not host:
        return control_url
    host = f"[{host}]" if ":" in host else host
    return f"{control.scheme}://{host}" + (f":{control.port}" if control.port else "")


def link(address: str, label: str, *, kind: str = "", new_tab: bool = False) -> None:
    """Draw a link, which Streamlit's own elements would open in a new tab. ``kind``: a class of `theme.css`."""
    st.html(html_pages.render("link.html", address=address, label=label, kind=kind, new_tab=new_tab))
