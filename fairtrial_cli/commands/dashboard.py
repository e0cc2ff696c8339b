"""The command `fairtrial dashboard`, which runs the dashboard alone or prints a sign-in link."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial_cli.options import CONFIG, project_of

if TYPE_CHECKING:
    from fairtrial.config.project import Project


@click.command()
@CONFIG
@click.option(
    "--control-url",
    envvar="FAIRTRIAL_CONTROL_URL",
    show_envvar=True,
    help="Control's address as seen from here; default: its address on this machine.",
)
@click.option("--link", is_flag=True, help="Only print a one-time sign-in link for the user of this machine.")
def command(config: Path, control_url: str | None, link: bool) -> None:
    """Serve the dashboard, which shows data from the control API.

    The dashboard uses the session of each visitor and has no further rights. As long as there is no account, --link
    prints a link that signs one browser in as an admin, once and within 15 minutes. Control must be running.

    \b
    Example:  fairtrial dashboard --link
    """

    project = project_of(config)
    if link:
        _print_link(project)
    else:
        _serve(project, control_url)


def _serve(project: Project, control_url: str | None) -> None:
    """Replace this process with Streamlit."""
    from fairtrial_cli.processes.services import CONTROL_URL, dashboard_program
    from gateway.process_resources import listen

    listen(project.dashboard.host, project.dashboard.port, service="dashboard", setting="dashboard.bind").close()
    program = dashboard_program(project, os.environ)
    click.echo(f"dashboard  {project.dashboard.url}")
    environ = {**program.environ, CONTROL_URL: control_url or project.control.url}
    os.execvpe(program.arguments[0], list(program.arguments), environ)  # noqa: S606 - replaces this process


def _print_link(project: Project) -> None:
    """Print the link to standard output and the explanation to standard error."""
    from fairtrial.config.owner_lock import read_note
    from fairtrial.domain.errors import UsageError
    from fairtrial_cli.dashboard_link import dashboard_link, how_it_works

    note = read_note(project.layout)
    if note is None or note.control_url is None:
        raise UsageError(
            f"control is not running for {project.path.name}, so no link would work (start it: fairtrial up)"
        )
    link = dashboard_link(project)
    if link is None:
        raise UsageError("there are accounts, so people sign in by name (lost password: fairtrial accounts reset NAME)")
    click.echo(link)
    click.echo(how_it_works(project), err=True)
