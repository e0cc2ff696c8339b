"""The command `fairtrial dashboard`: the page for reviewers and release managers, alone."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command()
@click.option("-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path))
def command(config: Path) -> None:
    """Serve the dashboard; it asks the control API for all that it shows.

    \b
    Example:  fairtrial dashboard -c fairtrial.yaml
    """
    from fairtrial.cli.services import dashboard_program
    from fairtrial.config.project import load_project
    from gateway.listening import listen

    project = load_project(config, os.environ)
    listen(project.dashboard.host, project.dashboard.port, service="dashboard", setting="dashboard.bind").close()
    program = dashboard_program(project, os.environ)
    click.echo(f"dashboard  {project.dashboard.url}")
    os.execvpe(program.arguments[0], list(program.arguments), dict(program.environ))  # noqa: S606 - becomes it
