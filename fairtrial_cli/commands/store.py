"""The command `fairtrial store`: what is in the store, and its care: backups, retention, erasure."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fairtrial.config.layout import Layout
    from fairtrial.domain.plan import UnitKind
    from fairtrial.store.core.progress import OnStep

CONFIG = click.option(
    "-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path), help="The project."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """Look into the store and take care of it, also while traffic runs.

    \b
    Example:  fairtrial store info
    """


@command.command()
@CONFIG
@JSON
def info(config: Path, as_json: bool) -> None:
    """What the store holds, how large it is, how long things stay, and when it was last backed up.

    \b
    Example:  fairtrial store info --json
    """
    import msgspec

    from fairtrial_cli.output.store import overview_lines
    from fairtrial_cli.store_client.client import open_owner

    with open_owner(_layout(config)) as owner:
        owner.ingest_now()
        found = owner.overview()
    click.echo(msgspec.json.encode(found).decode() if as_json else "\n".join(overview_lines(found)))


@command.command()
@click.argument("dest", type=click.Path(path_type=Path))
@CONFIG
@JSON
def backup(dest: Path, config: Path, as_json: bool) -> None:
    """Copy the store into the new folder DEST, consistently, while traffic runs; folders above it are made.

    The backup holds everything: requests and bodies, runs, verdicts, accounts, and the hashes of keys. Keep it as safe
    as the store. Nothing is left behind if it can't be finished.

    \b
    Example:  fairtrial store backup backups/2026-03-01
    """
    import msgspec

    from fairtrial_cli.output.progress import steps_shown
    from fairtrial_cli.store_client.client import open_owner

    with open_owner(_layout(config)) as owner, steps_shown("backing up") as on_step:
        made = owner.care.backup(dest.absolute(), on_step)
    if as_json:
        click.echo(msgspec.json.encode(made).decode())
        return
    click.echo(f"{made.path}: {made.bytes / 2**20:.1f} MiB, {sum(made.rows.values()):,} rows")
    click.echo(f"put it back with: fairtrial store restore {dest}", err=True)


@command.command()
@click.argument("backup", type=click.Path(path_type=Path))
@click.option("--to", type=click.Path(path_type=Path), help="The store to make; default: the project's.")
@click.option("--force", is_flag=True, help="Replace a store that is there, for good.")
@CONFIG
@JSON
def restore(backup: Path, to: Path | None, force: bool, config: Path, as_json: bool) -> None:
    """Make the folder BACKUP the store again; it is verified first, and a store in use is never touched.

    What the journal has had since is brought in, once. Units that were erased since are erased again. Keys, accounts
    and passwords are those of the backup; nobody is signed in, and no invitation works.

    \b
    Example:  fairtrial store restore backups/2026-03-01 --to tried.duckdb
    """
    import dataclasses
    import time

    import msgspec

    from fairtrial.config.layout import Layout
    from fairtrial.store import restore as restoring
    from fairtrial_cli.output.progress import steps_shown

    project = _layout(config) if config.exists() else None
    layout = _layout(config) if to is None else Layout(to.absolute())
    with steps_shown("restoring") as on_step:
        now_us = time.time_ns() // 1000
        done = restoring.restore(backup, layout, now_us=now_us, force=force, erased_in=project, on_step=on_step)
        again = _erase_again(layout, on_step)
    if as_json:
        click.echo(msgspec.json.encode(dataclasses.asdict(done) | {"erased_again": again}).decode())
        return
    click.echo(f"{done.store}: {done.rows:,} rows of the backup, and {done.since:,} events since then")
    if again:
        click.echo(f"{again:,} units that were erased after the backup are erased again")
    click.echo(
        "keys and accounts are those of the backup, also if they were ended since: fairtrial keys list", err=True
    )
    click.echo("nobody is signed in, and no invitation works: fairtrial accounts reset NAME", err=True)


@command.command()
@click.option("--days", type=click.IntRange(1, 36_500), help="How long texts are kept; default: capture.retain_days.")
@click.option("--dry-run", is_flag=True, help="Only count what would be dropped.")
@CONFIG
@JSON
def retain(days: int | None, dry_run: bool, config: Path, as_json: bool) -> None:
    """Drop texts that are too old: bodies, comments, outputs of runs, journals, cached answers, logs. Numbers stay.

    Control does so by itself once a day.

    \b
    Example:  fairtrial store retain --days 7 --dry-run
    """
    import msgspec

    from fairtrial.config.project import load_project
    from fairtrial_cli.output.progress import steps_shown
    from fairtrial_cli.output.store import retained_lines
    from fairtrial_cli.store_client.client import open_owner

    project = load_project(config, os.environ)
    with open_owner(project.layout) as owner, steps_shown("dropping old texts") as on_step:
        done = owner.care.retain(days or project.plan.retain_days, dry_run=dry_run, on_step=on_step)
    click.echo(msgspec.json.encode(done).decode() if as_json else "\n".join(retained_lines(done)))


@command.command("erase-unit")
@click.argument("unit")
@click.option(
    "--kind",
    type=click.Choice(["user", "conversation", "request"]),
    default="user",
    show_default=True,
    help="What UNIT names; a request by its x-request-id.",
)
@click.option("--rewrite-backups", is_flag=True, help="Erase the unit from the backups that can be reached, too.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@CONFIG
@JSON
def erase_unit(unit: str, kind: UnitKind, rewrite_backups: bool, yes: bool, config: Path, as_json: bool) -> None:
    """Erase UNIT for good: its texts and its name, from the store's file, journals, caches and logs. Numbers stay.

    UNIT is what the application sends (x-fairtrial-unit, user …). It works while traffic runs; stop sending for the
    unit first, or what comes later is recorded anew. The numbers of its requests stay under a name of nobody, so that
    verdicts can still be computed again.

    \b
    Example:  fairtrial store erase-unit customer-4711 --rewrite-backups
    """
    import msgspec

    from fairtrial_cli.output.progress import steps_shown
    from fairtrial_cli.output.store import erasure_lines
    from fairtrial_cli.store_client.client import open_owner

    if not yes and not as_json:
        click.confirm(f"Erase the {kind} {unit!r} for good?", abort=True, err=True)
    with open_owner(_layout(config)) as owner, steps_shown("erasing") as on_step:
        done = owner.care.erase(unit, kind, rewrite_backups=rewrite_backups, on_step=on_step)
    click.echo(msgspec.json.encode(done).decode() if as_json else "\n".join(erasure_lines(done)))


def _erase_again(layout: Layout, on_step: OnStep) -> int:
    """Nobody who was erased comes back by a backup; if control was started this moment, it sees to that itself."""
    from fairtrial.domain.errors import StoreLocked
    from fairtrial_cli.store_client.local import DirectOwner

    try:
        with DirectOwner(layout) as owner:
            return owner.care.erase_again(on_step)
    except StoreLocked:
        return 0


def _layout(config: Path) -> Layout:
    from fairtrial.config.project import load_project

    return load_project(config, os.environ).layout
