"""Links to control's own pages, which lead on to the dashboard if it has the same host name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from fairtrial.config.project import Project
from fairtrial.domain.hosts import host_of

CONTROL_PUBLIC_URL = "FAIRTRIAL_CONTROL_PUBLIC_URL"
"""How browsers reach control, if not by its port on this machine: behind a proxy, or by a published port."""


def invitation_link(project: Project, token: str) -> str:
    """What the invited person opens in a browser."""
    return _page_of_control(project, f"/invitation/{token}")


def one_time_link(project: Project, token: str) -> str:
    """What this machine's user opens in a browser."""
    return _page_of_control(project, f"/one-time/{token}")


def public_host(environ: Mapping[str, str]) -> str | None:
    """The host name by which browsers reach control through a proxy, if there is one."""
    return host_of(environ.get(CONTROL_PUBLIC_URL, "")) or None


def _page_of_control(project: Project, path: str) -> str:
    control = os.environ.get(CONTROL_PUBLIC_URL, "").rstrip("/") or project.control.url
    page = f"{control}{path}"
    if urlsplit(control).hostname != urlsplit(project.dashboard.url).hostname:
        return page
    return f"{page}?next={quote(project.dashboard.url, safe='')}"
