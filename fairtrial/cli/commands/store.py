"""The command `fairtrial store`: what is in the store."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.group()
def command() -> None:
    """Look into the store.

    \b
    Example:  fairtrial store info
    """


@command.command()
@click.option("-c", "--config", default="fairtrial.yaml", show_default=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(config: Path, as_json: bool) -> None:
    """How many rows there are of each noun, and how large the file is.

    \b
    Example:  fairtrial store info --json
    """
    import msgspec

    from fairtrial.cli.owner import open_owner
    from fairtrial.config.project import load_project

    layout = load_project(config, os.environ).layout
    with open_owner(layout) as owner:
        owner.ingest_now()
        found = owner.overview()
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    click.echo(f"{found.store}: {found.bytes / 2**20:.1f} MiB, schema {found.schema}, DuckDB {found.duckdb}")
    for table, rows in found.rows.items():
        click.echo(f"  {table:<10} {rows:>10,}")
