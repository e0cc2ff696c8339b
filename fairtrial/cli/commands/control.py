"""The command `fairtrial control`: the owner of the store and its API, alone."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command()
@click.option("-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path))
@click.option("--store", type=click.Path(path_type=Path), hidden=True)
@click.option("--bind", hidden=True)
@click.option("--gateway-url", hidden=True)
def command(config: Path, store: Path | None, bind: str | None, gateway_url: str | None) -> None:
    """Own the store: bring journals in, publish the plan, serve the control API.

    Gateways go on without it, and it catches up.

    \b
    Example:  fairtrial control -c fairtrial.yaml
    """
    from fairtrial.config.addresses import parse_address
    from fairtrial.config.layout import Layout
    from fairtrial.config.project import load_project
    from gateway.control.serve import ControlSettings, serve

    if store is not None and bind is not None:
        settings = ControlSettings(config, Layout(store), parse_address(bind), gateway_url)
    else:
        project = load_project(config, os.environ)
        settings = ControlSettings(config, project.layout, project.control, project.gateway.address.url)
    click.echo(f"control    {settings.address.url}")
    serve(settings, lambda: load_project(config, os.environ))
