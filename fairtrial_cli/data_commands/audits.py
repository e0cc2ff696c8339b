"""The command `fairtrial data audits`, which lists the stored audits of training data."""

import os
from pathlib import Path
from typing import Any

import click

from fairtrial.domain.training_data import PROBLEMS
from fairtrial.domain.wording import counted
from fairtrial_cli.options import CONFIG, JSON, print_json


@click.command()
@click.option("--deployment", metavar="NAME", help="Only audits of this deployment's lineage.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="The most audits shown.")
@CONFIG
@JSON
def command(deployment: str | None, limit: int, config: Path, as_json: bool) -> None:
    """List the stored audits that the gate rule `data.audit clean` reads, newest first.

    They have digests of files and counts by check, but no text of a row.

    \b
    Example:  fairtrial data audits --deployment tuned
    """
    from fairtrial.api import data_audits
    from fairtrial_cli.store_client.client import find_layout, open_store

    with open_store(find_layout(config, os.environ), config) as store:
        rows = store.call(data_audits.listing, data_audits.ListAudits(deployment=deployment, limit=limit))
    if as_json:
        return print_json(rows)
    if not rows:
        click.echo("No audits yet. Audit a deployment's data: fairtrial data audit --deployment NAME")
    for row in rows:
        click.echo(_line(row))
    return None


def _line(row: dict[str, Any]) -> str:
    files = ", ".join(f"{file['path']} {file['sha256'][:12]}" for file in row["files"])
    issues = [
        f"{count['severity']} {count['check']}: {count['rows']:,}"
        for count in row["counts"]
        if count["severity"] in PROBLEMS
    ]
    findings = "clean" if row["clean"] else f"not clean ({'; '.join(issues)})"
    findings += f", {counted(len(row['waived']), 'waiver')}" if row["waived"] else ""
    return f"{row['at_time'][:16]}  {row['deployment'] or '-'}  {findings}  {files}  by {row['actor']}"
