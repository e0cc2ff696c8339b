"""The command `fairtrial data audits`, which lists the stored audits of training data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial.domain.training_data import PROBLEMS
from fairtrial.domain.wording import counted
from fairtrial_cli.options import CONFIG, JSON, print_json

if TYPE_CHECKING:
    from fairtrial.api.data_audits import AuditRow


@click.command()
@click.option("--deployment", metavar="NAME", help="Only audits of this deployment's lineage.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="The most audits shown.")
@CONFIG
@JSON
def command(deployment: str | None, limit: int, config: Path, as_json: bool) -> None:
    """List the stored audits of training data, newest first.

    The gate rule `data.audit clean` reads them. They have digests of files and counts by check, but no text of a row.

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


def _line(audit: AuditRow) -> str:
    files = ", ".join(f"{file.path} {file.sha256[:12]}" for file in audit.files)
    issues = [f"{count.severity} {count.check}: {count.rows:,}" for count in audit.counts if count.severity in PROBLEMS]
    findings = "clean" if audit.clean else f"not clean ({'; '.join(issues)})"
    findings += f", {counted(len(audit.waived), 'waiver')}" if audit.waived else ""
    return f"{audit.at_time:%Y-%m-%dT%H:%M}  {audit.deployment or '-'}  {findings}  {files}  by {audit.actor}"
