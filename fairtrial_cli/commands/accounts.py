"""The command `fairtrial accounts`, which manages the people who use the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from fairtrial.domain.accounts import ROLES, Invitation, Role
from fairtrial_cli.options import CONFIG, JSON, print_json, project_of

if TYPE_CHECKING:
    from fairtrial.api.accounts import AccountRow
    from fairtrial.config.project import Project

ROLE = click.Choice(ROLES)
MOST = 1000
"""The most accounts that are listed."""


@click.group()
def command() -> None:
    """Invite people to the dashboard, and manage their accounts.

    A reviewer sees only the review page. A release manager also sees the evidence and may create queues. An admin may
    also invite others and create keys. An auditor sees what a release manager sees, and changes nothing. As long as
    there is no account, a one-time link signs one browser in (fairtrial dashboard --link).

    \b
    Example:  fairtrial accounts invite --name Rosa --role reviewer
    """


@command.command()
@click.option("--name", help="The person's name; without it they choose one.")
@click.option("--role", required=True, type=ROLE, help="The role, which sets what they may do.")
@CONFIG
@JSON
def invite(name: str | None, role: Role, config: Path, as_json: bool) -> None:
    """Print an invitation link for one person, who sets a password there. It works once, within seven days.

    \b
    Example:  fairtrial accounts invite --name Rosa --role reviewer
    """
    from fairtrial.api import accounts
    from fairtrial.api.operation import Window
    from fairtrial_cli.store_client.client import open_store

    project = project_of(config)
    with open_store(project.layout) as store:
        first = not store.call(accounts.listing, Window(limit=MOST))
        made = store.call(accounts.invite, accounts.Invite(name=name, role=role))
    _show(project, made, as_json=as_json)
    if first:
        click.echo("From now on everyone must sign in. Commands on this machine still work.", err=True)


@command.command("list")
@CONFIG
@JSON
def list_(config: Path, as_json: bool) -> None:
    """List all accounts, including disabled ones.

    \b
    Example:  fairtrial accounts list --json
    """
    from fairtrial.api import accounts
    from fairtrial.api.operation import Window
    from fairtrial_cli.store_client.client import store_of

    with store_of(config) as store:
        rows = store.call(accounts.listing, Window(limit=MOST))
    if as_json:
        return print_json(rows)
    if not rows:
        click.echo("no accounts yet; invite someone: fairtrial accounts invite --role reviewer", err=True)
    return _print_accounts(rows)


def _print_accounts(rows: Sequence[AccountRow]) -> None:
    from rich.console import Console

    from fairtrial_cli.output.terminal import columns, print_table

    cells = []
    for row in rows:
        seen = f"{row.seen_time:%Y-%m-%d %H:%M} UTC" if row.seen_time else "never"
        cells.append((row.name or row.account_id, row.role, row.state, seen))
    print_table(Console(), columns("name", "role", "state", "last seen"), cells)


@command.command()
@click.argument("name")
@CONFIG
@JSON
def disable(name: str, config: Path, as_json: bool) -> None:
    """Disable the account NAME at once, in every browser. Its reviews are kept; `reset` enables it again.

    \b
    Example:  fairtrial accounts disable Rosa
    """
    from fairtrial.api import accounts
    from fairtrial_cli.store_client.client import store_of

    with store_of(config) as store:
        done = store.call(accounts.disable, accounts.NameAccount(who=name))
    print_json(done) if as_json else click.echo(f"{done.name or done.account_id} is disabled")


@command.command()
@click.argument("name")
@CONFIG
@JSON
def reset(name: str, config: Path, as_json: bool) -> None:
    """Print a new link for NAME, for example after a lost password.

    It also enables the account. Earlier links, the old password and every session end at once.

    \b
    Example:  fairtrial accounts reset Rosa
    """
    from fairtrial.api import accounts
    from fairtrial_cli.store_client.client import open_store

    project = project_of(config)
    with open_store(project.layout) as store:
        made = store.call(accounts.reset, accounts.NameAccount(who=name))
    _show(project, made, as_json=as_json)


@command.command()
@click.argument("name")
@click.argument("role", type=ROLE)
@CONFIG
@JSON
def role(name: str, role: Role, config: Path, as_json: bool) -> None:
    """Change the role of NAME, effective with the next request.

    \b
    Example:  fairtrial accounts role Rosa release-manager
    """
    from fairtrial.api import accounts
    from fairtrial_cli.store_client.client import store_of

    with store_of(config) as store:
        done = store.call(accounts.set_role, accounts.SetRole(who=name, role=role))
    print_json(done) if as_json else click.echo(f"{done.name or done.account_id} is now {done.role}")


def _show(project: Project, made: Invitation, *, as_json: bool) -> None:
    """Print the link to standard output and the explanation to standard error."""
    import msgspec

    from fairtrial_cli.dashboard_link import CONTROL_PUBLIC_URL, invitation_link

    link = invitation_link(project, made.token)
    if as_json:
        return print_json(msgspec.to_builtins(made) | {"link": link})
    click.echo(link)
    until = datetime.fromtimestamp(made.expires_us / 1e6, UTC).strftime("%d %b %Y, %H:%M UTC")
    whose = f"for {made.name}, " if made.name else ""
    click.echo(f"{whose}{made.role}; works once, until {until}. It is shown only now.", err=True)
    if urlsplit(link).hostname in {"127.0.0.1", "::1", "localhost"}:
        click.echo(
            f"It works on this machine only. To invite others, set {CONTROL_PUBLIC_URL} to control's public address.",
            err=True,
        )
    return None
