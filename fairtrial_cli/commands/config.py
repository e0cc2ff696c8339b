"""The command `fairtrial config`, which shows the history of published configurations."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial_cli.options import CONFIG, JSON, print_indented, print_json

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from fairtrial.api.plans import ServedExperiment
    from fairtrial_cli.store_client.client import StoreClient


@click.group()
def command() -> None:
    """Show the history of published configurations.

    Each is the project file with the live state of its experiments. It contains no secrets.

    \b
    Example:  fairtrial config log
    """


@command.command()
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="The most publications shown."
)
@CONFIG
@JSON
def log(limit: int, config: Path, as_json: bool) -> None:
    """List publications, newest first.

    Each line has the time, the configuration's hash, and who changed an experiment.

    \b
    Example:  fairtrial config log --limit 5
    """
    from fairtrial.api import plans
    from fairtrial.api.operation import Window

    with _open(config) as store:
        rows = store.call(plans.listing, Window(limit=limit))
    if as_json:
        return print_json(rows)
    for row in rows:
        click.echo(f"{row.at_time:%Y-%m-%dT%H:%M:%S}  {row.plan_hash}  {row.actor or 'the project file'}")
    return None


@command.command()
@click.argument("plan_hash", metavar="[HASH]", required=False)
@click.option("--at", "time", metavar="TIME", help="ISO 8601, in UTC unless it has an offset; by default now.")
@CONFIG
@JSON
def show(plan_hash: str | None, time: str | None, config: Path, as_json: bool) -> None:
    """Print the configuration HASH, or what was in force at a time.

    HASH may be its first digits. The configuration is printed as JSON, and of API keys only templates such as ${NAME}
    are kept.

    Without HASH it prints which configuration was in force at TIME, and what each route served then. The shares are of
    the route's units, without forced variants and fallbacks.

    \b
    Examples:  fairtrial config show 3f9c0a1b
               fairtrial config show --at 2026-11-26T14:30
    """
    from fairtrial.api import plans
    from fairtrial.domain.errors import UsageError

    if plan_hash and time:
        raise UsageError("--at: HASH already names a configuration")
    moment = datetime.now(UTC) if time is None else _utc(time)
    with _open(config) as store:
        if plan_hash:
            published = store.call(plans.one, plans.NamePlan(plan_hash=plan_hash))
            return print_indented(json.loads(published))
        served_then = store.call(plans.at_time, plans.PlanAt(at=moment.isoformat()))
    if as_json:
        return print_json(served_then)
    until = f" until {served_then.until:%Y-%m-%dT%H:%M:%S}" if served_then.until else ""
    by = served_then.actor or "the project file"
    click.echo(
        f"{served_then.plan_hash}  in force since {served_then.since:%Y-%m-%dT%H:%M:%S}{until} UTC, changed by {by}"
    )
    for row in served_then.routes:
        served = ", ".join(f"{share.percent:g} % {share.deployment} ({share.model})" for share in row.serves)
        click.echo(f"{row.route}: {served}{_experiment(row.experiment)}")
    return None


@command.command()
@click.argument("old")
@click.argument("new")
@CONFIG
@JSON
def diff(old: str, new: str, config: Path, as_json: bool) -> None:
    """List the fields in which two configurations differ.

    OLD and NEW are their hashes.

    \b
    Example:  fairtrial config diff 3f9c0a1b 8d2e4c6f
    """
    import json

    from fairtrial.api import plans

    with _open(config) as store:
        rows = store.call(plans.difference, plans.ComparePlans(old=old, new=new))
    if as_json:
        return print_json(rows)
    for row in rows:
        before, after = (json.dumps(value, ensure_ascii=False) for value in (row.old, row.new))
        click.echo(f"{row.path}: {before} -> {after}")
    return None


def _experiment(experiment: ServedExperiment | None) -> str:
    if experiment is None:
        return ""
    stage = f" at stage {experiment.stage:g} %" if experiment.state == "running" else ""
    return f"; experiment {experiment.name} {experiment.state}{stage}"


def _utc(time: str) -> datetime:
    """The time in UTC, without a time zone."""
    from fairtrial.domain.errors import UsageError

    try:
        moment = datetime.fromisoformat(time)
        utc = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--at: {time!r} is not a time in ISO 8601 (2026-11-26T14:30)") from error
    return utc.replace(tzinfo=None)


def _open(config: Path) -> AbstractContextManager[StoreClient]:
    from fairtrial_cli.store_client.client import find_layout, open_store

    return open_store(find_layout(config, os.environ), config)
