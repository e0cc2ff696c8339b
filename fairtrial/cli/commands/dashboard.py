"""The command `fairtrial dashboard`: the page for reviewers and release managers, alone."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command()
@click.option("-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path))
@click.option(
    "--control-url",
    envvar="FAIRTRIAL_CONTROL_URL",
    show_envvar=True,
    help="How control is reached from here; default: its address on this machine.",
)
def command(config: Path, control_url: str | None) -> None:
    """Serve the dashboard; it asks the control API for all that it shows.

    \b
    Example:  fairtrial dashboard -c fairtrial.yaml --control-url http://control:8081
    """
    from fairtrial.cli.services import CONTROL_URL, dashboard_program
    from fairtrial.config.project import load_project
    from gateway.listening import listen

    project = load_project(config, os.environ)
    listen(project.dashboard.host, project.dashboard.port, service="dashboard", setting="dashboard.bind").close()
    program = dashboard_program(project, os.environ)
    click.echo(f"dashboard  {project.dashboard.url}")
    environ = {**program.environ, CONTROL_URL: control_url or project.control.url}
    os.execvpe(program.arguments[0], list(program.arguments), environ)  # noqa: S606 - becomes it
