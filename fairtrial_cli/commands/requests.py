"""The command `fairtrial requests`, which finds recorded requests and shows who answered, why, and what it cost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial.domain.errors import UsageError
from fairtrial.domain.limits.constants import END_OF_TIME_US, microseconds
from fairtrial_cli.options import CONFIG, JSON, print_indented, project_of

if TYPE_CHECKING:
    from fairtrial.api.traffic_answers import RequestRow

SECOND_US = 1_000_000


@click.group()
def command() -> None:
    """Find recorded requests: who answered, why, and what it cost.

    \b
    Examples:  fairtrial requests list --user customer-4711 --since 2026-12-03T14:00
               fairtrial requests show 0193f4a2-…
    """


def _time_us(_: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """The microseconds of a time, in UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--{parameter.name}: {text!r} is not a time (such as 2026-12-03T14:00)") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()) * SECOND_US


@command.command(name="list")
@click.option("--since", callback=_time_us, metavar="TIME", help="From this time on, in UTC.")
@click.option("--until", callback=_time_us, metavar="TIME", help="Before this time.")
@click.option("--user", help="The user as the application names it.")
@click.option("--unit", help="The pseudonym of a unit.")
@click.option("--route", help="The application's `model`.")
@click.option("--deployment", help="The deployment that answered.")
@click.option("--experiment", help="The experiment.")
@click.option("--variant", help="The assigned variant.")
@click.option("--key", "key_id", help="The id of the caller's key.")
@click.option("--status", type=int, help="The status that the application got.")
@click.option("--outcome", type=click.Choice(["ok", "error", "cancelled", "partial"]), help="How it ended.")
@click.option("--tag", metavar="NAME=VALUE", help="A tag of the application.")
@click.option("--provider-id", "provider_request_id", help="The provider's id of the call.")
@click.option("--min-cost", type=float, metavar="USD", help="Requests that cost at least so much.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="The most requests.")
@CONFIG
@JSON
def list_requests(config: Path, as_json: bool, since: int | None, until: int | None, **filters: Any) -> None:
    """List requests, the newest first.

    \b
    Examples:  fairtrial requests list --outcome error --since 2026-12-03
               fairtrial requests list --user customer-4711 --limit 5
    """
    from rich.console import Console

    from fairtrial.api import traffic
    from fairtrial_cli.output.terminal import columns, print_table
    from fairtrial_cli.store_client.client import open_store

    project = project_of(config)
    request = traffic.ListRequests(since_us=since or 0, until_us=until or END_OF_TIME_US, **filters)
    with open_store(project.layout, project.path) as store:
        rows = store.call(traffic.requests, request)
    if as_json:
        print_indented(rows)
        return
    titles = ("time", "request", "route", "deployment", "variant", "status", "outcome", "ms", "cost")
    head = columns(*titles, numbers=("status", "ms", "cost"))
    print_table(Console(), head, [_cells(row) for row in rows])
    if not rows:
        click.echo("no requests match")


def _cells(row: RequestRow) -> list[str]:
    return [
        f"{row.at_time:%Y-%m-%d %H:%M:%S}",
        row.request_id,
        row.route,
        row.deployment or "",
        row.variant_served or "",
        str(row.status),
        row.outcome,
        "" if row.latency_ms is None else f"{row.latency_ms:,.0f}",
        "unknown" if row.cost_usd is None else f"${row.cost_usd.normalize():f}",
    ]


@command.command()
@click.argument("request_id")
@CONFIG
@JSON
def show(request_id: str, config: Path, as_json: bool) -> None:
    """Show a request with its calls, without its texts.

    \b
    Example:  fairtrial requests show 0193f4a2-7c1e-7b3a-9f00-5d2c8e1a4b6d
    """
    from msgspec.structs import replace

    from fairtrial.api import traffic
    from fairtrial.documents.request import describe_request
    from fairtrial_cli.output.document import print_document
    from fairtrial_cli.store_client.client import open_store

    project = project_of(config)
    with open_store(project.layout, project.path) as store:
        request = store.call(traffic.request, traffic.NameRequest(request_id=request_id))
    request = replace(request, request_body=None, response_body=None)
    if as_json:
        print_indented(request)
        return
    at_us = microseconds(request.at_time)
    prices = {name: deployment.price_at(at_us) for name, deployment in project.plan.deployments.items()}
    print_document(describe_request(request, prices))
