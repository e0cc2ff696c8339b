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

    On loopback no keys are needed for models: every process on this machine may use them. A gateway that others can
    reach asks for keys (fairtrial keys create NAME). The dashboard and the control API always ask who comes. Until
    there is an account (fairtrial accounts invite), the link that is printed here signs one browser in, once and within
    15 minutes. The commands of this machine have a key of their own, in STORE.d/admin.key, which only you can read;
    programs elsewhere need one (fairtrial keys create NAME --right admin).

    A store that can't be used stops control alone: the gateway serves by the last published plan, and what it records
    is brought in once the store is restored.

    \b
    Example:  fairtrial up -c fairtrial.yaml --workers 4
    """
    from fairtrial_cli.dashboard_link import OPEN_GATEWAY, sign_in_lines
    from fairtrial_cli.output.warnings import print_warnings
    from fairtrial_cli.processes.health_watch import LOOK_SECONDS, HealthWatch
    from fairtrial_cli.processes.services import Services
    from fairtrial_cli.processes.signals import until_told
    from fairtrial_cli.processes.upstream_probe import probe_upstreams

    services = Services(config, workers=workers, dashboard=not no_dashboard, without_store=True)
    print_warnings(services.project.warnings)
    with until_told() as told, services:
        told.started()
        urls, project = services.urls, services.project
        click.echo(f"gateway    {urls.api}    (the base_url of your application)")
        if project.gateway.auth == "open":
            click.echo(f"           {OPEN_GATEWAY}")
        click.echo(f"control    {urls.control}")
        if urls.dashboard:
            click.echo(f"dashboard  {urls.dashboard}")
            if services.plan_in_use is None:
                click.echo("\n".join(sign_in_lines(project)))
        click.echo(f"logs       {project.layout.logs}")
        if services.plan_in_use is not None:
            click.echo(f"The gateway serves by the plan of {services.plan_in_use}; later changes have no effect yet.")
        click.echo("Ctrl-C ends everything.")
        for line in probe_upstreams(services.project.plan):
            click.echo(line, err=True)
        watch = HealthWatch(services, lambda text: click.echo(text, err=True))
        while not told.wait(LOOK_SECONDS):
            watch.look()
        click.echo("ending")
