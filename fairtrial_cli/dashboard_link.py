"""Links to control's pages: one-time links for this machine's user, and invitations for everyone else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from fairtrial.domain.names.hosts import host_of

if TYPE_CHECKING:
    from fairtrial.config.project import Project

CONTROL_PUBLIC_URL = "FAIRTRIAL_CONTROL_PUBLIC_URL"
"""How browsers reach control, if not by its port on this machine: behind a proxy, or by a published port."""

OPEN_GATEWAY = "open to every process on this machine; to ask for keys, set gateway.auth: keys"


def dashboard_link(project: Project) -> str | None:
    """A new one-time link; ``None`` once there is an account, because people then sign in by name."""
    from fairtrial_cli.store_client.client import open_owner

    with open_owner(project.layout) as owner:
        if owner.accounts.listing():
            return None
        return one_time_link(project, owner.accounts.one_time_link().token)


def sign_in_lines(project: Project) -> list[str]:
    """How to sign in, for the terminal of a command that started the services."""
    link = dashboard_link(project)
    if link is None:
        return ["           people sign in with their accounts (fairtrial accounts list)"]
    return [f"sign in    {link}", f"           {how_it_works(project)}"]


def how_it_works(project: Project) -> str:
    """What a one-time link does, and the command that prints another one."""
    path, usual = project.path, Path.cwd() / "fairtrial.yaml"
    option = "" if path == usual else f" -c {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}"
    return f"signs one browser in, once, within 15 minutes; another link: fairtrial dashboard --link{option}"


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
