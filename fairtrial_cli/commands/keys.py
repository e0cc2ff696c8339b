"""The command `fairtrial keys`: who may use the gateway and the control API."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import RIGHTS

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from fairtrial_cli.store_client.client import Owner

CONFIG = click.option(
    "-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path), help="The project."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
UNITS_US = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


@click.group()
def command() -> None:
    """Make, list and revoke API keys.

    \b
    Example:  fairtrial keys create my-app
    """


@command.command()
@click.argument("name")
@click.option("--right", "rights", multiple=True, type=click.Choice(RIGHTS), help="Default: complete and feedback.")
@click.option("--route", "routes", multiple=True, help="A route that it may name; default: all.")
@click.option("--expires", help="How long it is valid, such as 12h or 30d; default: until it is revoked.")
@CONFIG
@JSON
def create(
    name: str, rights: tuple[Any, ...], routes: tuple[str, ...], expires: str | None, config: Path, as_json: bool
) -> None:
    """Make a key. It is shown this once and kept only as a hash.

    \b
    Example:  fairtrial keys create ci --right complete --right pin --expires 30d
    """
    import msgspec

    from fairtrial.store.access.keys import DEFAULT_RIGHTS, KeyOptions

    options = KeyOptions(rights or DEFAULT_RIGHTS, routes, _expiry(expires))
    with _owner(config, routes) as owner:
        made = owner.create_key(name, options)
    if as_json:
        click.echo(msgspec.json.encode(made).decode())
        return
    click.echo(made.secret)
    click.echo(
        f"key {made.key_id} ({name}) may: {', '.join(made.rights)}. This is the only time it is shown.", err=True
    )


@command.command("list")
@CONFIG
@JSON
def list_(config: Path, as_json: bool) -> None:
    """All keys, the revoked ones too.

    \b
    Example:  fairtrial keys list --json
    """
    import msgspec

    with _owner(config) as owner:
        rows = owner.list_keys()
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    for row in rows:
        state = "revoked" if row["revoked_time"] else f"until {row['expires_time'] or 'revoked'}"
        routes = ", ".join(row["routes"]) or "all routes"
        click.echo(f"{row['key_id']}  {row['name']:<20} {', '.join(row['rights'])}; {routes}; {state}")


@command.command()
@click.argument("key_id")
@CONFIG
@JSON
def revoke(key_id: str, config: Path, as_json: bool) -> None:
    """End a key for good; the gateway refuses it within a second.

    \b
    Example:  fairtrial keys revoke 3f9c0a1b2c3d
    """
    with _owner(config) as owner:
        owner.revoke_key(key_id)
    click.echo(f'{{"revoked":"{key_id}"}}' if as_json else f"key {key_id} is revoked")


def _owner(config: Path, routes: tuple[str, ...] = ()) -> AbstractContextManager[Owner]:
    """The owner of the project's store; `UsageError` for a route that the project doesn't have."""
    from fairtrial.config.file.errors import nearest
    from fairtrial.config.project import load_project
    from fairtrial_cli.store_client.client import open_owner

    project = load_project(config, os.environ)
    unknown = [route for route in routes if route not in project.plan.routes]
    if unknown:
        raise UsageError(f"--route: there is no route {unknown[0]!r} ({nearest(unknown[0], project.plan.routes)})")
    return open_owner(project.layout)


def _expiry(text: str | None) -> int | None:
    """Microseconds since 1970 of now plus a time such as 30d; raises `UsageError`."""
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,5})([mhd])", text.strip())
    if found is None:
        raise UsageError(f"--expires: {text!r} is not a time (known: minutes 90m, hours 12h, days 30d)")
    return time.time_ns() // 1000 + int(found[1]) * UNITS_US[found[2]]
