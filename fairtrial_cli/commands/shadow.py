"""The command `fairtrial shadow`, which copies a route's requests to a candidate whose answers nobody gets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial.domain.errors import UsageError, printable
from fairtrial_cli.options import CONFIG, JSON, print_json, project_of

if TYPE_CHECKING:
    from fairtrial.api.shadows import ShadowStatus


@click.group()
def command() -> None:
    """Send copies of live requests to a candidate.

    \b
    Example:  fairtrial shadow start base tuned --share 20% --limit 1USD/day
    """


@command.command()
@click.argument("baseline")
@click.argument("candidate")
@click.option("--share", default="100%", show_default=True, metavar="PERCENT", help="The share of requests to copy.")
@click.option("--limit", "limits", multiple=True, metavar="LIMIT", help="The most that copies may spend.")
@click.option("--route", metavar="ROUTE", help="The route, if BASELINE serves several.")
@CONFIG
@JSON
def start(
    baseline: str, candidate: str, share: str, limits: tuple[str, ...], route: str | None, config: Path, as_json: bool
) -> None:
    """Copy requests that BASELINE serves to CANDIDATE.

    Without --limit the copies may cost as much as the requests. LIMIT is an amount of USD, requests or tokens, in all
    or each day, such as 500requests/day; one of each kind may be given. A limit that is reached pauses the copies,
    never the requests. A limit in dollars needs the price of CANDIDATE.

    \b
    Example:  fairtrial shadow start base tuned --share 20% --limit 1USD/day
    """
    from fairtrial.api import shadows
    from fairtrial.domain.limits.spending import read_limit
    from fairtrial_cli.store_client.client import open_store

    try:
        percent, limit = float(share.removesuffix("%")), read_limit(limits)
    except ValueError as error:
        raise UsageError(f"shadow start: {error}") from None
    project = project_of(config)
    request = shadows.StartShadow(deployments=(baseline, candidate), share=percent, limit=limit, route=route)
    with open_store(project.layout, config=project.path) as store:
        _print([store.call(shadows.start, request)], as_json)


@command.command()
@click.argument("route")
@CONFIG
@JSON
def stop(route: str, config: Path, as_json: bool) -> None:
    """End the shadow of ROUTE; its pairs stay.

    \b
    Example:  fairtrial shadow stop support-bot
    """
    from fairtrial.api import shadows
    from fairtrial_cli.store_client.client import open_store

    project = project_of(config)
    with open_store(project.layout, config=project.path) as store:
        _print([store.call(shadows.stop, shadows.StopShadow(route=route))], as_json)


@command.command()
@CONFIG
@JSON
def status(config: Path, as_json: bool) -> None:
    """Show each shadow: its pairs, its spending, and what it shows so far.

    \b
    Example:  fairtrial shadow status --json
    """
    from fairtrial.api import shadows
    from fairtrial.api.operation import Nothing
    from fairtrial_cli.store_client.client import open_store

    project = project_of(config)
    with open_store(project.layout, config=project.path) as store:
        _print(store.call(shadows.listing, Nothing()), as_json)


def _print(rows: list[ShadowStatus], as_json: bool) -> None:
    if as_json:
        return print_json(rows)
    for line in (line for row in rows for line in row.lines):
        click.echo(printable(line))
    if not rows:
        click.echo("no shadow was started: fairtrial shadow start BASELINE CANDIDATE")
    return None
