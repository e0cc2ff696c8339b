"""The command `fairtrial control`, which runs the control process alone."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial_cli.options import CONFIG, project_of

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from gateway.control.auth.bootstrap import InitialCredentials
    from gateway.control.serve import ControlSettings


@click.command()
@CONFIG
@click.option("--store", type=click.Path(path_type=Path), hidden=True)
@click.option("--memory-mb", type=int, hidden=True)
@click.option("--bind", hidden=True)
@click.option("--trusted-proxy", "proxies", multiple=True, hidden=True)
@click.option("--body-rate", type=(float, int), hidden=True)
@click.option(
    "--gateway-url",
    envvar="FAIRTRIAL_GATEWAY_URL",
    show_envvar=True,
    help="The gateway's address as seen from here; default: its address on this machine.",
)
@click.option(
    "--control-url",
    envvar="FAIRTRIAL_CONTROL_URL",
    show_envvar=True,
    help="The address at which commands reach control; default: its address on this machine.",
)
def command(config: Path, gateway_url: str | None, control_url: str | None, **by_up: Any) -> None:
    """Run the control process, which owns the store.

    It ingests journals, publishes the configuration, and serves the control API. Gateways keep running without it, and
    it catches up later. In containers, set the addresses by which the services reach each other. As long as there is no
    account, a control on loopback prints a link that signs one browser in, once and within 15 minutes. A control that
    other machines can reach prints an API key and an invitation for the first account at its first start only. If the
    store is unusable, it exits with 74 and says how to restore it.

    \b
    Example:  fairtrial control -c fairtrial.yaml --gateway-url http://gateway:8080
    """
    from fairtrial.domain.errors import STORE_UNUSABLE, StoreError
    from gateway.control.serve import serve

    settings, project = _settings(config, gateway_url, control_url, **by_up)
    click.echo(f"control    {settings.address.url}")
    # `fairtrial up` writes this output to a log, which must not contain secrets, and prints the link itself.
    on_credentials = partial(_print_credentials, project) if project is not None else None
    try:
        serve(settings, lambda: project_of(config), on_credentials=on_credentials)
    except StoreError as error:
        click.echo(f"error: {error}", err=True)
        raise click.exceptions.Exit(STORE_UNUSABLE) from None


def _settings(
    config: Path,
    gateway_url: str | None,
    control_url: str | None,
    *,
    store: Path | None,
    memory_mb: int | None,
    bind: str | None,
    proxies: tuple[str, ...],
    body_rate: tuple[float, int] | None,
) -> tuple[ControlSettings, Project | None]:
    """``store`` and ``bind`` come from `fairtrial up`, which has read the file. Then a broken file does not matter."""
    from fairtrial.config.layout import Layout
    from fairtrial.domain.limits.server_settings import BodyRate
    from fairtrial.domain.names.addresses import parse_address
    from fairtrial_cli.dashboard_link import public_origin
    from gateway.control.serve import ControlSettings

    public = public_origin(os.environ)
    if store is not None and bind is not None:
        address = parse_address(bind)
        rate = BodyRate(*(body_rate or ()))
        settings = ControlSettings(config, Layout(store, memory_mb), address, gateway_url, None, public, proxies, rate)
        return settings, None
    project = project_of(config)
    gateway_url = gateway_url or project.gateway.address.url
    read = ControlSettings(
        config,
        project.layout,
        project.control,
        gateway_url,
        control_url,
        public,
        project.control_proxies,
        project.control_body,
    )
    return read, project


def _print_credentials(project: Project, made: InitialCredentials) -> None:
    """Print the credentials to standard output. Anyone who can read that output can use them until they expire."""
    from fairtrial_cli.dashboard_link import how_it_works, invitation_link, one_time_link

    if made.link is not None:
        click.echo(f"sign in    {one_time_link(project, made.link.token)}")
        click.echo(f"           {how_it_works(project)}")
        return

    if made.key is not None:
        click.echo(f"first key  {made.key.secret}")
        click.echo(f"           for the control API; to revoke it: fairtrial keys revoke {made.key.key_id}")
    if made.invitation is not None:
        click.echo(f"invitation {invitation_link(project, made.invitation.token)}")
        click.echo("           for the first account, an admin's; it works once, within seven days")
    click.echo("           They are shown only now.")
