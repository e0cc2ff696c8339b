"""The command `fairtrial store`, which shows the store and runs backups, retention and erasure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial.domain.wording import counted
from fairtrial_cli.options import CONFIG, JSON, print_json, project_of

if TYPE_CHECKING:
    from fairtrial.config.layout import Layout
    from fairtrial.domain.settings import UnitKind
    from fairtrial.domain.store_reports import Erasure, OnProgress, Overview, RetentionResult


@click.group()
def command() -> None:
    """Inspect and maintain the store, also while traffic runs.

    \b
    Example:  fairtrial store info
    """


@command.command()
@CONFIG
@JSON
def info(config: Path, as_json: bool) -> None:
    """Show the store's contents, size, retention and last backup.

    \b
    Example:  fairtrial store info --json
    """
    from fairtrial.api import store as store_api
    from fairtrial.api.operation import Nothing
    from fairtrial_cli.store_client.client import store_of

    with store_of(config) as store:
        store.call(store_api.ingest, Nothing())
        overview = store.call(store_api.overview, Nothing())
    print_json(overview) if as_json else click.echo("\n".join(overview_lines(overview)))


@command.command()
@click.argument("dest", type=click.Path(path_type=Path))
@CONFIG
@JSON
def backup(dest: Path, config: Path, as_json: bool) -> None:
    """Copy the store into the new folder DEST.

    The copy is consistent, also while traffic runs. Parent folders are created. The backup contains everything:
    requests and bodies, runs, verdicts, accounts, and the hashes of keys. Protect it like the store. If the backup
    fails, nothing is left behind.

    \b
    Example:  fairtrial store backup backups/2026-03-01
    """
    from fairtrial.api import store as store_api
    from fairtrial_cli.output.terminal import store_progress
    from fairtrial_cli.store_client.client import store_of

    with store_of(config) as store, store_progress("backing up") as on_progress:
        made = store.follow(store_api.backup, store_api.MakeBackup(dest=str(dest.absolute())), on_progress)
    if as_json:
        return print_json(made)
    click.echo(f"{made.path}: {made.bytes / 2**20:.1f} MiB, {sum(made.rows.values()):,} rows")
    click.echo(f"to restore it: fairtrial store restore {dest}", err=True)
    return None


@command.command()
@click.argument("backup", type=click.Path(path_type=Path))
@click.option("--to", type=click.Path(path_type=Path), help="The store to create; default: the project's.")
@click.option("--force", is_flag=True, help="Replace an existing store permanently.")
@CONFIG
@JSON
def restore(backup: Path, to: Path | None, force: bool, config: Path, as_json: bool) -> None:
    """Restore the store from the folder BACKUP.

    The backup is verified first, and a store in use is never changed. Events that the journal recorded since are
    ingested once. Units that were erased since are erased again. Keys, accounts and passwords are those of the backup.
    Nobody is signed in, and no invitation works.

    \b
    Example:  fairtrial store restore backups/2026-03-01 --to tried.duckdb
    """
    import dataclasses
    import time

    from fairtrial.config.layout import Layout
    from fairtrial.store.restore import restore_backup
    from fairtrial_cli.output.terminal import store_progress

    project = project_of(config).layout if config.exists() else None
    layout = project_of(config).layout if to is None else Layout(to.absolute())
    with store_progress("restoring") as on_progress:
        now_us = time.time_ns() // 1000
        done = restore_backup(backup, layout, now_us=now_us, force=force, erased_in=project, on_progress=on_progress)
        again = _erase_again(layout, on_progress)
    if as_json:
        return print_json(dataclasses.asdict(done) | {"erased_again": again})
    click.echo(f"{done.store}: {done.rows:,} rows from the backup and {done.since:,} later events")
    if again:
        click.echo(f"{counted(again, 'unit')} erased after the backup: erased again")
    click.echo("keys and accounts are those of the backup, including ones revoked since: fairtrial keys list", err=True)
    _echo_states(layout)
    click.echo("nobody is signed in, and no invitation works; new link: fairtrial accounts reset NAME", err=True)
    return None


@command.command()
@click.option("--why", required=True, help="The reason, which the audit trail keeps.")
@CONFIG
def new(why: str, config: Path) -> None:
    """Begin an empty store in place of a lost or damaged one. The former file is renamed.

    Requests that are still in the journals are ingested again. Keys, accounts, reviews and verdicts are lost.
    Experiments that were stopped stay stopped; without the published configuration every experiment waits.

    \b
    Example:  fairtrial store new --why "the disk failed, and there is no backup"
    """
    import time

    from fairtrial.store.restore import begin_new

    layout = project_of(config).layout
    former = begin_new(layout, why=why, now_us=time.time_ns() // 1000)
    click.echo(f"{layout.store}: a new, empty store" + (f"; the former file is {former}" if former else ""))
    _echo_states(layout)


@command.command()
@click.option(
    "--days", type=click.IntRange(1, 36_500), help="How many days texts are kept; default: capture.retain_days."
)
@click.option("--dry-run", is_flag=True, help="Only count what would be deleted.")
@CONFIG
@JSON
def retain(days: int | None, dry_run: bool, config: Path, as_json: bool) -> None:
    """Delete old texts, and keep the numbers.

    Texts are bodies, comments, outputs of runs, journals, cached answers and logs. Control does this once a day.

    \b
    Example:  fairtrial store retain --days 7 --dry-run
    """
    from fairtrial.api import store as store_api
    from fairtrial_cli.output.terminal import store_progress
    from fairtrial_cli.store_client.client import open_store

    project = project_of(config)
    with open_store(project.layout) as store, store_progress("deleting old texts") as on_progress:
        request = store_api.Retain(days=days or project.plan.retain_days, dry_run=dry_run)
        done = store.follow(store_api.retain, request, on_progress)
    print_json(done) if as_json else click.echo("\n".join(retained_lines(done)))


@command.command("erase-unit")
@click.argument("unit")
@click.option(
    "--kind",
    type=click.Choice(["user", "conversation", "request"]),
    default="user",
    show_default=True,
    help="What UNIT identifies; a request by its x-request-id.",
)
@click.option("--rewrite-backups", is_flag=True, help="Also erase the unit from reachable backups.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
@CONFIG
@JSON
def erase_unit(unit: str, kind: UnitKind, rewrite_backups: bool, yes: bool, config: Path, as_json: bool) -> None:
    """Erase the texts and the name of UNIT permanently.

    They are erased from the store, journals, caches and logs. Numbers are kept. UNIT is the name that the application
    sends (x-fairtrial-unit, user …). This works while traffic runs. Stop sending requests for the unit first, because
    later requests are recorded again. The numbers of its requests are kept under an anonymous name, so that verdicts
    can still be recomputed.

    \b
    Example:  fairtrial store erase-unit customer-4711 --rewrite-backups
    """
    from fairtrial.api import store as store_api
    from fairtrial_cli.output.terminal import store_progress
    from fairtrial_cli.store_client.client import store_of

    if not yes and not as_json:
        click.confirm(f"Erase the {kind} {unit!r} permanently?", abort=True, err=True)
    with store_of(config) as store, store_progress("erasing") as on_progress:
        request = store_api.Erase(unit=unit, kind=kind, rewrite_backups=rewrite_backups)
        done = store.follow(store_api.erase, request, on_progress)
    print_json(done) if as_json else click.echo("\n".join(erasure_lines(done)))


def _echo_states(layout: Layout) -> None:
    from fairtrial.store.core.recovery import kept_states

    click.echo(f"{kept_states(layout)} See: fairtrial experiment list", err=True)


def _erase_again(layout: Layout, on_progress: OnProgress) -> int:
    """Erase units again that the backup brought back. If control has just started, it does this itself."""
    from fairtrial.domain.errors import StoreLocked
    from fairtrial_cli.store_client.local_client import LocalOwner

    try:
        owner = LocalOwner(layout)
    except StoreLocked:
        return 0
    try:
        return owner.maintenance.erase_again(on_progress)
    finally:
        owner.close()


def overview_lines(overview: Overview) -> Iterator[str]:
    """The store at a glance: size, time range, maintenance, and the rows of each table."""
    yield f"{overview.store}: {_size(overview.bytes)}, schema {overview.schema}, DuckDB {overview.duckdb}"
    yield "other files: " + ", ".join(f"{name} {_size(size)}" for name, size in overview.folders.items())
    waiting = f"{overview.lag_bytes:,} bytes waiting to be stored"
    yield f"requests from {_time(overview.oldest_us)} to {_time(overview.newest_us)}; {waiting}"
    days = overview.retain_days
    retention = "no configuration is published yet" if days is None else f"texts are kept for {counted(days, 'day')}"
    last = overview.last_backup
    backed = (
        f"last backup {_time(last.at_us)} in {last.path}" if last else "never backed up: fairtrial store backup DEST"
    )
    yield f"{retention}; {backed}; {counted(overview.erasures, 'unit')} erased"
    if overview.erasure_unfinished:
        yield "an erasure is unfinished: start control, or run fairtrial store erase-unit again"
    for table, rows in overview.rows.items():
        yield f"  {table:<18} {rows:>12,}"


def retained_lines(done: RetentionResult) -> Iterator[str]:
    """What retention deleted, or would delete."""
    verb = "would be deleted" if done.dry_run else "deleted"
    what = "" if done.dropped else f" nothing {verb}"
    yield f"texts from before {_time(done.before_us)} ({counted(done.days, 'day')}):{what}"
    for name, count in done.dropped.items():
        yield f"  {name:<18} {count:>12,} {verb}"


def erasure_lines(done: Erasure) -> Iterator[str]:
    """What was erased where, and what must be checked by hand."""
    if not done.found:
        yield "nothing found: this unit is unknown to the store and its files"
    for name, count in done.counts.items():
        yield f"  {name:<18} {count:>12,} erased"
    for look in done.backups:
        yield f"backup {look.path}: {look.found}"
    if any(look.found == "holds it" for look in done.backups):
        yield "to erase the unit from these backups, run the command again with --rewrite-backups"
    if any(look.found in ("not there", "can't be read") for look in done.backups):
        yield "backups that were moved or can't be read may still contain it; check them by hand"
    for segment in done.unreadable:
        yield f"not searched: {segment}"
    if done.found:
        yield "exports are not searched; look for the unit by hand in:"
        yield from (f"  {export}" for export in done.exports)


def _time(microseconds: int | None) -> str:
    if microseconds is None:
        return "-"
    return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
