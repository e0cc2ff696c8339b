"""The command `fairtrial plan`, which shows the history of published plans."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial_cli.options import CONFIG, JSON, print_json

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from fairtrial_cli.store_client.client import StoreClient


@click.group()
def command() -> None:
    """Show the history of published plans, which contains no secrets.

    \b
    Example:  fairtrial plan log
    """


@command.command()
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="The most publications shown."
)
@CONFIG
@JSON
def log(limit: int, config: Path, as_json: bool) -> None:
    """List publications, newest first: when, the plan's hash, and who changed an experiment.

    \b
    Example:  fairtrial plan log --limit 5
    """
    from fairtrial.api import plans
    from fairtrial.api.operation import Window

    with _open(config) as store:
        rows = store.call(plans.listing, Window(limit=limit))
    if as_json:
        return print_json(rows)
    for row in rows:
        click.echo(f"{row['at_time'][:19]}  {row['plan_hash']}  {row['actor'] or 'the project file'}")
    return None


@command.command()
@click.argument("plan_hash", metavar="HASH")
@CONFIG
def show(plan_hash: str, config: Path) -> None:
    """Print the plan with this HASH, or the first digits of it, as JSON.

    Of API keys only templates such as ${NAME} are kept.

    \b
    Example:  fairtrial plan show 3f9c0a1b
    """
    import json

    from fairtrial.api import plans

    with _open(config) as store:
        record = store.call(plans.one, plans.NamePlan(plan_hash=plan_hash))
    click.echo(json.dumps(record, indent=2, ensure_ascii=False))


@command.command()
@click.argument("old")
@click.argument("new")
@CONFIG
@JSON
def diff(old: str, new: str, config: Path, as_json: bool) -> None:
    """List the fields in which the plans with the hashes OLD and NEW differ.

    \b
    Example:  fairtrial plan diff 3f9c0a1b 8d2e4c6f
    """
    import json

    from fairtrial.api import plans

    with _open(config) as store:
        rows = store.call(plans.difference, plans.ComparePlans(old=old, new=new))
    if as_json:
        return print_json(rows)
    for row in rows:
        before, after = (json.dumps(row[name], ensure_ascii=False) for name in ("old", "new"))
        click.echo(f"{row['path']}: {before} -> {after}")
    return None


@command.command()
@click.argument("time", metavar="TIME")
@CONFIG
@JSON
def at(time: str, config: Path, as_json: bool) -> None:
    """Print which plan was in force at TIME, and what each route served then.

    TIME is ISO 8601, in UTC unless it has an offset. The shares are of the route's units, without forced variants and
    fallbacks.

    \b
    Example:  fairtrial plan at 2026-11-26T14:30
    """
    from fairtrial.api import plans

    moment = _utc(time)
    with _open(config) as store:
        served_then = store.call(plans.at_time, plans.PlanAt(at=moment.isoformat()))
    if as_json:
        return print_json(served_then)
    until = f" until {served_then['until'][:19]}" if served_then["until"] else ""
    by = served_then["actor"] or "the project file"
    click.echo(f"{served_then['plan_hash']}  in force since {served_then['since'][:19]}{until} UTC, changed by {by}")
    for row in served_then["routes"]:
        served = ", ".join(
            f"{share['percent']:g} % {share['deployment']} ({share['model']})" for share in row["serves"]
        )
        click.echo(f"{row['route']}: {served}{_experiment(row['experiment'])}")
    return None


def _experiment(state: dict[str, Any] | None) -> str:
    if state is None:
        return ""
    stage = f" at stage {state['stage']:g} %" if state["state"] == "running" else ""
    return f"; experiment {state['name']} {state['state']}{stage}"


def _utc(time: str) -> datetime:
    """The time in UTC, without a time zone."""
    from fairtrial.domain.errors import UsageError

    try:
        moment = datetime.fromisoformat(time)
        utc = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError) as error:
        raise UsageError(f"TIME: {time!r} is not a time in ISO 8601 (2026-11-26T14:30)") from error
    return utc.replace(tzinfo=None)


def _open(config: Path) -> AbstractContextManager[StoreClient]:
    from fairtrial_cli.store_client.client import find_layout, open_store

    return open_store(find_layout(config, os.environ), config)
