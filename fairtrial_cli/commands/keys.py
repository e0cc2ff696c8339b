"""The command `fairtrial keys`, which manages API keys for the gateway and the control API."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.accounts import DEFAULT_RIGHTS, RIGHTS
from fairtrial.domain.errors import UsageError
from fairtrial_cli.options import CONFIG, JSON, print_json, project_of

if TYPE_CHECKING:
    from fairtrial.api.keys import KeyRow

MOST = 1000
"""The most keys that are listed."""
UNITS_US = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


@click.group()
def command() -> None:
    """Create, list and revoke API keys.

    \b
    Example:  fairtrial keys create my-app
    """


@command.command()
@click.argument("name")
@click.option(
    "--right",
    "rights",
    multiple=True,
    type=click.Choice(RIGHTS),
    help="A right of the key; repeatable; default: complete and feedback.",
)
@click.option("--route", "routes", multiple=True, help="A route that the key may use; repeatable; default: all.")
@click.option("--expires", help="How long the key is valid, such as 12h or 30d; default: until it is revoked.")
@CONFIG
@JSON
def create(
    name: str, rights: tuple[Any, ...], routes: tuple[str, ...], expires: str | None, config: Path, as_json: bool
) -> None:
    """Create a key. It is shown only once; the store keeps a hash.

    \b
    Example:  fairtrial keys create ci --right complete --right pin --expires 30d
    """
    from fairtrial.api import keys
    from fairtrial.domain.errors import nearest
    from fairtrial_cli.store_client.client import open_store

    request = keys.CreateKey(name=name, rights=rights or DEFAULT_RIGHTS, routes=routes, expires_us=_expiry(expires))
    project = project_of(config)
    unknown = [route for route in routes if route not in project.plan.routes]
    if unknown:
        raise UsageError(f"--route: there is no route {unknown[0]!r} ({nearest(unknown[0], project.plan.routes)})")
    with open_store(project.layout) as store:
        made = store.call(keys.create, request)
    if as_json:
        return print_json(made)
    click.echo(made.secret)
    click.echo(f"key {made.key_id} ({name}) may: {', '.join(made.rights)}. It is shown only now.", err=True)
    return None


@command.command("list")
@CONFIG
@JSON
def list_(config: Path, as_json: bool) -> None:
    """List all keys, including revoked ones.

    \b
    Example:  fairtrial keys list --json
    """
    from fairtrial.api import keys
    from fairtrial.api.operation import Window
    from fairtrial_cli.store_client.client import store_of

    with store_of(config) as store:
        rows = store.call(keys.listing, Window(limit=MOST))
    if as_json:
        return print_json(rows)
    return _print_keys(rows)


def _print_keys(rows: Sequence[KeyRow]) -> None:
    from rich.console import Console

    from fairtrial_cli.output.terminal import columns, print_table

    cells = []
    for row in rows:
        until = f"{row.expires_time:%Y-%m-%d %H:%M} UTC" if row.expires_time else "revoked"
        state = "revoked" if row.revoked_time else f"until {until}"
        routes = ", ".join(row.routes) or "all routes"
        cells.append((row.key_id, row.name, f"{', '.join(row.rights)}; {routes}; {state}"))
    print_table(Console(), columns("key", "name", "rights", prose=("rights",)), cells)


@command.command()
@click.argument("key_id")
@CONFIG
@JSON
def revoke(key_id: str, config: Path, as_json: bool) -> None:
    """Revoke a key permanently. The gateway refuses it within a second.

    \b
    Example:  fairtrial keys revoke 3f9c0a1b2c3d
    """
    from fairtrial.api import keys
    from fairtrial_cli.store_client.client import store_of

    with store_of(config) as store:
        revoked = store.call(keys.revoke, keys.RevokeKey(key_id=key_id))
    print_json(revoked) if as_json else click.echo(f"key {key_id} is revoked")


def _expiry(text: str | None) -> int | None:
    """The time in microseconds since 1970 after a duration such as 30d; raises `UsageError`."""
    if text is None:
        return None
    match = re.fullmatch(r"([1-9]\d{0,5})([mhd])", text.strip())
    if match is None:
        raise UsageError(f"--expires: {text!r} is not a duration (use minutes 90m, hours 12h or days 30d)")
    return time.time_ns() // 1000 + int(match[1]) * UNITS_US[match[2]]
