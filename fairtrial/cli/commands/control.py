"""The command `fairtrial control`: the owner of the store and its API, alone."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fairtrial.config.project import Project
    from gateway.control.first_start import Welcome


@click.command()
@click.option("-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path))
@click.option("--store", type=click.Path(path_type=Path), hidden=True)
@click.option("--bind", hidden=True)
@click.option(
    "--gateway-url",
    envvar="FAIRTRIAL_GATEWAY_URL",
    show_envvar=True,
    help="How the gateway is reached from here; default: its address on this machine.",
)
@click.option(
    "--control-url",
    envvar="FAIRTRIAL_CONTROL_URL",
    show_envvar=True,
    help="How commands reach this control; default: its address on this machine.",
)
def command(
    config: Path, store: Path | None, bind: str | None, gateway_url: str | None, control_url: str | None
) -> None:
    """Own the store: bring journals in, publish the plan, serve the control API.

    Gateways go on without it, and it catches up. In containers, say by which names the services reach each other.
    The first start of one that other machines can reach prints a key for its API, and a link for the first account;
    no later start does. It exits with 74 if the store can't be used, and says how to restore it.

    \b
    Example:  fairtrial control -c fairtrial.yaml --gateway-url http://gateway:8080
    """
    from fairtrial.config.addresses import parse_address
    from fairtrial.config.layout import Layout
    from fairtrial.config.project import load_project
    from fairtrial.domain.errors import STORE_UNUSABLE, StoreError
    from gateway.control.serve import ControlSettings, serve

    if store is not None and bind is not None:  # by `fairtrial up`, whose output goes to a log: no secret in it
        settings = ControlSettings(config, Layout(store), parse_address(bind), gateway_url)
        welcome = None
    else:
        project = load_project(config, os.environ)
        gateway_url = gateway_url or project.gateway.address.url
        settings = ControlSettings(config, project.layout, project.control, gateway_url, control_url)
        welcome = partial(_welcome, project)
    click.echo(f"control    {settings.address.url}")
    try:
        serve(settings, lambda: load_project(config, os.environ), welcome=welcome)
    except StoreError as error:
        click.echo(f"error: {error}", err=True)
        raise click.exceptions.Exit(STORE_UNUSABLE) from None


def _welcome(project: Project, made: Welcome) -> None:
    """To standard output, once: whoever can read the logs of this start can use both until they are ended."""
    from fairtrial.cli.invitation_link import invitation_link

    if made.key is not None:
        click.echo(f"first key  {made.key.secret}")
        click.echo(f"           for the control API; to end it: fairtrial keys revoke {made.key.key_id}")
    if made.invitation is not None:
        click.echo(f"invitation {invitation_link(project, made.invitation.token)}")
        click.echo("           for the first account, an administrator's: it works once, within seven days")
    click.echo("           This is the only time that they are shown.")
