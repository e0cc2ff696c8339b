"""The link of an invitation: a page of control's own, and from there to the dashboard on the same host name."""

from __future__ import annotations

import os
from urllib.parse import quote, urlsplit

from fairtrial.config.project import Project

CONTROL_PUBLIC_URL = "FAIRTRIAL_CONTROL_PUBLIC_URL"
"""How browsers reach control, if not by its port on this machine: behind a proxy, or by a published port."""


def invitation_link(project: Project, token: str) -> str:
    """What the invited person opens in a browser."""
    control = os.environ.get(CONTROL_PUBLIC_URL, "").rstrip("/") or project.control.url
    page = f"{control}/invitation/{token}"
    if urlsplit(control).hostname != urlsplit(project.dashboard.url).hostname:
        return page
    return f"{page}?next={quote(project.dashboard.url, safe='')}"
