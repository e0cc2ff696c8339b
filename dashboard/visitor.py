"""Who visits the dashboard, and the links to control's own pages where they sign in and out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, urlencode, urlsplit

import streamlit as st

from dashboard.client import Control, ControlUnreachable, Refused
from dashboard.components.formatting import plain
from fairtrial.domain.accounts import Role, covers

CONTROL_PUBLIC_URL = "FAIRTRIAL_CONTROL_PUBLIC_URL"
"""Where browsers reach control, if that is not its port on the host name that they use for the dashboard."""
LINK = """
<a href="{address}" style="display: inline-block; padding: .45rem 1rem; border-radius: .5rem; text-decoration: none;
  border: 1px solid currentColor; color: inherit; font-weight: 600">{label}</a>
"""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The person who looks at the pages."""

    name: str
    role: Role

    def may_open(self, role: Role) -> bool:
        """Whether a page that needs ``role`` is theirs to see."""
        return covers(self.role, role)


NOBODY_KNOWS = Visitor("", "admin")
"""While control can't say who it is: then no page is drawn, and each says why."""


def visitor_of(control: Control) -> Visitor | None:
    """Who it is by control's word; ``None`` for someone who must sign in first."""
    try:
        found = control.get("/api/me")
    except ControlUnreachable:
        return NOBODY_KNOWS
    except Refused as error:
        return None if error.status == 401 else NOBODY_KNOWS
    return Visitor(found["name"], found["role"])


def ask_to_sign_in(control: Control) -> None:
    """The page of someone who has not signed in."""
    st.title("Sign in")
    st.markdown("This dashboard shows its pages to people who have signed in.")
    st.html(LINK.format(address=escape(page_of_control(control, "/sign-in")), label="Sign in"))
    st.caption("No account yet? Ask an administrator for an invitation link: `fairtrial accounts invite`.")
    st.caption(
        "Nobody has an account yet? Open the link that `fairtrial up` printed. It works once and for 15 minutes; "
        "`fairtrial dashboard --link` prints another one."
    )


def refuse(visitor: Visitor, title: str, role: Role) -> None:
    """The page of someone who signed in and may not open what they asked for."""
    st.title(plain(title))
    st.error(f"This page needs the role {role}. You are signed in as {plain(visitor.name)} ({visitor.role}).")


def say_who(visitor: Visitor, control: Control) -> None:
    """Name, role and the way out, for the sidebar."""
    if visitor is NOBODY_KNOWS:
        return
    out = escape(page_of_control(control, "/sign-out"))
    st.caption(f"Signed in as **{plain(visitor.name)}** ({visitor.role})")
    st.html(f'<a href="{out}" style="color: inherit; font-size: .875rem">Sign out</a>')


def page_of_control(control: Control, path: str) -> str:
    """One of control's own pages by the host name that this browser uses, and back to the page that it shows now."""
    here, asked = st.context.url or "", urlencode(st.query_params.to_dict())
    here += f"?{asked}" if here and asked else ""
    public = os.environ.get(CONTROL_PUBLIC_URL, "").rstrip("/") or _beside(here, control.url)
    return f"{public}{path}" + (f"?next={quote(here, safe='')}" if here else "")


def _beside(here: str, control_url: str) -> str:
    """Control's scheme and port on the host of ``here``: cookies ignore ports but not host names."""
    control, host = urlsplit(control_url), urlsplit(here).hostname
    if not host:
        return control_url
    host = f"[{host}]" if ":" in host else host
    return f"{control.scheme}://{host}" + (f":{control.port}" if control.port else "")
