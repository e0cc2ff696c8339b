"""How this machine's user comes in to the dashboard: by a one-time link, until people have accounts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairtrial.config.project import Project

OPEN_GATEWAY = "open to every process on this machine; to ask for keys, set gateway.auth: keys"


def dashboard_link(project: Project) -> str | None:
    """A new one-time link; ``None`` once there is an account, because people then sign in by name."""
    from fairtrial.cli.invitation_link import one_time_link
    from fairtrial.cli.owner import open_owner

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
