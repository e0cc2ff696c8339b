"""The command `fairtrial dashboard`: the page for reviewers and release managers, alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fairtrial.config.project import Project


@click.command()
@click.option("-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path))
@click.option(
    "--control-url",
    envvar="FAIRTRIAL_CONTROL_URL",
    show_envvar=True,
    help="How control is reached from here; default: its address on this machine.",
)
@click.option("--link", is_flag=True, help="Only print a one-time link that signs this machine's user in.")
def command(config: Path, control_url: str | None, link: bool) -> None:
    """Serve the dashboard; it asks the control API for all that it shows.

    It has no rights of its own: it passes on the session of whoever looks at it. Until there is an account, --link
    prints a link that signs one browser in as an admin, once and within 15 minutes; control must be running.

    \b
    Example:  fairtrial dashboard --link
    """
    from fairtrial.config.project import load_project

    project = load_project(config, os.environ)
    if link:
        _print_link(project)
    else:
        _serve(project, control_url)


def _serve(project: Project, control_url: str | None) -> None:
    """Become Streamlit."""
    from fairtrial_cli.processes.services import CONTROL_URL, dashboard_program
    from gateway.listening import listen

    listen(project.dashboard.host, project.dashboard.port, service="dashboard", setting="dashboard.bind").close()
    program = dashboard_program(project, os.environ)
    click.echo(f"dashboard  {project.dashboard.url}")
    environ = {**program.environ, CONTROL_URL: control_url or project.control.url}
    os.execvpe(program.arguments[0], list(program.arguments), environ)  # noqa: S606 - becomes it


def _print_link(project: Project) -> None:
    """The link on standard output, all else beside it."""
    from fairtrial.domain.errors import UsageError
    from fairtrial.store.core.owner_lock import read_note
    from fairtrial_cli.dashboard_link import dashboard_link, how_it_works

    note = read_note(project.layout)
    if note is None or note.control_url is None:
        raise UsageError(f"control does not run for {project.path.name}, so no link works (start it: fairtrial up)")
    found = dashboard_link(project)
    if found is None:
        raise UsageError("people sign in with their accounts now (a lost password: fairtrial accounts reset NAME)")
    click.echo(found)
    click.echo(how_it_works(project), err=True)
