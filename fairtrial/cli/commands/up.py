"""The command `fairtrial up`: everything of one project, until Ctrl-C."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path))
@click.option("--workers", type=click.IntRange(1, 256), help="Gateway workers; default: the project's number.")
@click.option("--no-dashboard", is_flag=True, help="Leave the dashboard out.")
def command(config: Path, workers: int | None, no_dashboard: bool) -> None:
    """Start gateway, control and dashboard, and keep them running until Ctrl-C.

    On loopback no keys are needed. A gateway that others can reach asks for keys (fairtrial keys create NAME). So does
    control: commands and the dashboard of this machine find theirs by themselves (in STORE.d/admin.key, or in
    FAIRTRIAL_ADMIN_KEY); whatever asks from elsewhere needs one (fairtrial keys create NAME --right admin). The
    dashboard asks nobody for a key: keep it on loopback, or behind a proxy that knows who may see it.

    \b
    Example:  fairtrial up -c fairtrial.yaml --workers 4
    """
    from fairtrial.cli.services import Services
    from fairtrial.cli.until_told import until_told

    services = Services(config, workers=workers, dashboard=not no_dashboard)
    with until_told() as told, services:
        told.started()
        urls = services.urls
        click.echo(f"gateway    {urls.api}    (the base_url of your application)")
        click.echo(f"control    {urls.control}")
        if urls.dashboard:
            click.echo(f"dashboard  {urls.dashboard}")
        click.echo(f"logs       {services.project.layout.logs}")
        click.echo("Ctrl-C ends everything.")
        told.wait()
        click.echo("ending")
