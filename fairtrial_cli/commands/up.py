"""The command `fairtrial up`, which runs all services of a project until Ctrl-C."""

from pathlib import Path

import click

from fairtrial_cli.options import CONFIG, print_warnings


@click.command()
@CONFIG
@click.option("--workers", type=click.IntRange(1, 256), help="Gateway workers; default: `gateway.workers` of the file.")
@click.option("--no-dashboard", is_flag=True, help="Do not start the dashboard.")
def command(config: Path, workers: int | None, no_dashboard: bool) -> None:
    """Run gateway, control and dashboard until Ctrl-C.

    On loopback, models need no API key: every process on this machine may use them. A gateway that others can reach
    requires keys (fairtrial keys create NAME). The dashboard and the control API always require authentication. As long
    as there is no account (fairtrial accounts invite), the printed link signs one browser in, once and within 15
    minutes. Commands on this machine use the key in STORE.d/admin.key, which only you can read. Programs elsewhere need
    their own key (fairtrial keys create NAME --right admin).

    An unusable store stops only control. The gateway then serves the last published plan, and its records are ingested
    once the store is restored.

    \b
    Example:  fairtrial up -c fairtrial.yaml --workers 4
    """
    from fairtrial_cli.dashboard_link import OPEN_GATEWAY, sign_in_lines
    from fairtrial_cli.processes.health_watch import CHECK_SECONDS, HealthWatch, probe_upstreams
    from fairtrial_cli.processes.services import Services
    from fairtrial_cli.processes.signals import shutdown_signal

    services = Services(config, workers=workers, dashboard=not no_dashboard, without_store=True)
    print_warnings(services.project.warnings)
    with shutdown_signal() as shutdown, services:
        shutdown.mark_started()
        urls, project = services.urls, services.project
        click.echo(f"gateway    {urls.api}    (the base_url of your application)")
        if project.gateway.access == "open":
            click.echo(f"           {OPEN_GATEWAY}")
        click.echo(f"control    {urls.control}")
        if urls.dashboard:
            click.echo(f"dashboard  {urls.dashboard}")
            if services.plan_in_use is None:
                click.echo("\n".join(sign_in_lines(project)))
        click.echo(f"logs       {project.layout.logs}")
        if services.plan_in_use is not None:
            click.echo(
                f"The gateway serves the configuration of {services.plan_in_use}; later changes have no effect yet."
            )
        click.echo("Press Ctrl-C to stop everything.")
        for line in probe_upstreams(services.project.plan):
            click.echo(line, err=True)
        watch = HealthWatch(services, lambda text: click.echo(text, err=True))
        while not shutdown.wait(CHECK_SECONDS):
            watch.check()
        click.echo("stopping")
