"""Builds links to control's pages: one-time links for the user of this machine, and invitations for others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from fairtrial.api import accounts
from fairtrial.api.operation import Nothing, Window
from fairtrial.domain.names.addresses import origin_of
from fairtrial_cli.store_client.client import open_store

if TYPE_CHECKING:
    from fairtrial.config.project import Project

CONTROL_PUBLIC_URL = "FAIRTRIAL_CONTROL_PUBLIC_URL"
"""The address by which browsers reach control, if it is behind a proxy or a published port."""

OPEN_GATEWAY = "open to every process on this machine; to require keys, set gateway.auth: keys"


def dashboard_link(project: Project) -> str | None:
    """A new one-time link, or ``None`` once there is an account, because people then sign in by name."""
    with open_store(project.layout) as store:
        if store.call(accounts.listing, Window(limit=1)):
            return None
        return one_time_link(project, store.call(accounts.create_one_time_link, Nothing()).token)


def sign_in_lines(project: Project) -> list[str]:
    """Lines for the terminal that say how to sign in."""
    link = dashboard_link(project)
    if link is None:
        return ["           people sign in with their accounts (fairtrial accounts list)"]
    return [f"sign in    {link}", f"           {how_it_works(project)}"]


def how_it_works(project: Project) -> str:
    """The explanation of a one-time link, with the command that prints another one."""
    path, usual = project.path, Path.cwd() / "fairtrial.yaml"
    option = "" if path == usual else f" -c {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}"
    return f"signs one browser in, once, within 15 minutes; for another link: fairtrial dashboard --link{option}"


def invitation_link(project: Project, token: str) -> str:
    """The link that the invited person opens."""
    return _page_of_control(project, f"/invitation/{token}")


def one_time_link(project: Project, token: str) -> str:
    """The link that the user of this machine opens."""
    return _page_of_control(project, f"/one-time/{token}")


def public_origin(environ: Mapping[str, str]) -> str:
    """The origin at which browsers reach control through a proxy; empty if there is none."""
    return origin_of(environ.get(CONTROL_PUBLIC_URL, ""))


def _page_of_control(project: Project, path: str) -> str:
    control = os.environ.get(CONTROL_PUBLIC_URL, "").rstrip("/") or project.control.url
    page = f"{control}{path}"
    if urlsplit(control).hostname != urlsplit(project.dashboard.url).hostname:
        return page
    return f"{page}?next={quote(project.dashboard.url, safe='')}"
