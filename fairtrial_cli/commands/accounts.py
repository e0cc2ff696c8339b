"""The command `fairtrial accounts`: the people who may use the dashboard, and what each may do there."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from fairtrial.domain.accounts import ROLES, Invitation, Role

if TYPE_CHECKING:
    from fairtrial.config.project import Project

CONFIG = click.option(
    "-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path), help="The project."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
ROLE = click.Choice(ROLES)


@click.group()
def command() -> None:
    """Invite people to the dashboard, list them, shut them out.

    A reviewer sees only the review page; a release manager sees the evidence too and may open queues; an admin may
    invite others and make keys. Until there is an account, a one-time link signs one browser in (fairtrial dashboard
    --link).

    \b
    Example:  fairtrial accounts invite --name Rosa --role reviewer
    """


@command.command()
@click.option("--name", help="Their name; without it they choose one.")
@click.option("--role", required=True, type=ROLE, help="What they may do.")
@CONFIG
@JSON
def invite(name: str | None, role: Role, config: Path, as_json: bool) -> None:
    """Print a link for one person, which works once and for seven days. They set their own password there.

    \b
    Example:  fairtrial accounts invite --name Rosa --role reviewer
    """
    from fairtrial_cli.store_client.client import open_owner

    project = _project(config)
    with open_owner(project.layout) as owner:
        first = not owner.accounts.listing()
        made = owner.accounts.invite(name, role)
    _show(project, made, as_json=as_json)
    if first:
        click.echo("From now on everyone signs in; the commands on this machine go on working.", err=True)


@command.command("list")
@CONFIG
@JSON
def list_(config: Path, as_json: bool) -> None:
    """Everyone with an account, the disabled ones too.

    \b
    Example:  fairtrial accounts list --json
    """
    import msgspec

    from fairtrial_cli.store_client.client import open_owner

    with open_owner(_project(config).layout) as owner:
        rows = owner.accounts.listing()
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    if not rows:
        click.echo("nobody has an account yet; invite someone: fairtrial accounts invite --role reviewer", err=True)
    for row in rows:
        seen = f"seen {row['seen_time'][:16].replace('T', ' ')} UTC" if row["seen_time"] else "never signed in"
        click.echo(f"{row['name'] or row['account_id']:<36}  {row['role']:<15}  {row['state']:<8}  {seen}")


@command.command()
@click.argument("name")
@CONFIG
@JSON
def disable(name: str, config: Path, as_json: bool) -> None:
    """Shut NAME out at once, from every browser. What they did stays; `reset` lets them in again.

    \b
    Example:  fairtrial accounts disable Rosa
    """
    import msgspec

    from fairtrial_cli.store_client.client import open_owner

    with open_owner(_project(config).layout) as owner:
        done = owner.accounts.disable(name)
    click.echo(msgspec.json.encode(done).decode() if as_json else f"{done.name or done.account_id} is disabled")


@command.command()
@click.argument("name")
@CONFIG
@JSON
def reset(name: str, config: Path, as_json: bool) -> None:
    """Print a new link for NAME, such as for a lost password. Links before it end; a disabled account is enabled.

    \b
    Example:  fairtrial accounts reset Rosa
    """
    from fairtrial_cli.store_client.client import open_owner

    project = _project(config)
    with open_owner(project.layout) as owner:
        made = owner.accounts.reset(name)
    _show(project, made, as_json=as_json)


@command.command()
@click.argument("name")
@click.argument("role", type=ROLE)
@CONFIG
@JSON
def role(name: str, role: Role, config: Path, as_json: bool) -> None:
    """Change what NAME may do, from their next click on.

    \b
    Example:  fairtrial accounts role Rosa release-manager
    """
    import msgspec

    from fairtrial_cli.store_client.client import open_owner

    with open_owner(_project(config).layout) as owner:
        done = owner.accounts.set_role(name, role)
    click.echo(msgspec.json.encode(done).decode() if as_json else f"{done.name or done.account_id} is now {done.role}")


def _project(config: Path) -> Project:
    from fairtrial.config.project import load_project

    return load_project(config, os.environ)


def _show(project: Project, made: Invitation, *, as_json: bool) -> None:
    """The link on standard output, all else beside it."""
    import msgspec

    from fairtrial_cli.dashboard_link import CONTROL_PUBLIC_URL, invitation_link

    link = invitation_link(project, made.token)
    if as_json:
        fields: dict[str, Any] = msgspec.to_builtins(made)
        click.echo(msgspec.json.encode(fields | {"link": link}).decode())
        return
    click.echo(link)
    until = datetime.fromtimestamp(made.expires_us / 1e6, UTC).strftime("%d %b %Y, %H:%M UTC")
    whose = f"for {made.name}, " if made.name else ""
    click.echo(f"{whose}{made.role}; works once, until {until}. This is the only time it is shown.", err=True)
    if urlsplit(link).hostname in {"127.0.0.1", "::1", "localhost"}:
        click.echo(f"It works on this machine; {CONTROL_PUBLIC_URL} says how others reach control.", err=True)
