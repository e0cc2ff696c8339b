"""The command `fairtrial cost`, which says what variants cost, and from which volume a fine-tune pays."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial.domain.errors import UsageError
from fairtrial_cli.options import CONFIG, experiment_of, print_indented, project_of

if TYPE_CHECKING:
    from fairtrial.config.project import Project

DAY_US = 86_400_000_000


@click.command()
@click.argument("experiment", required=False)
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650), help="The days that count.")
@click.option("--resolved", metavar="KEY", help="The feedback of a resolved request; default: the primary metric's.")
@click.option("--at-price-of", metavar="DEPLOYMENT", help="Also compute the same traffic at this deployment's price.")
@click.option(
    "--months", default=12, show_default=True, type=click.IntRange(1, 120), help="Months that pay off a training."
)
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def command(
    experiment: str | None,
    days: int,
    resolved: str | None,
    at_price_of: str | None,
    months: int,
    config: Path,
    as_json: bool,
) -> None:
    """Show what variants cost, and from which volume a fine-tune pays.

    EXPERIMENT can be left out if the project has only one. A fine-tune pays once what its requests save is more than
    its training and its hosting, which are `training.cost` and `price.month` of its deployment.

    \b
    Examples:  fairtrial cost
               fairtrial cost tuned-vs-base --days 7 --at-price-of cloud
    """
    from fairtrial.api import traffic
    from fairtrial.api.cost_answers import CompareCosts
    from fairtrial.documents.cost import describe_cost
    from fairtrial_cli.output.document import print_document
    from fairtrial_cli.store_client.client import open_store

    project = project_of(config)
    request = CompareCosts(
        name=_chosen(project, experiment),
        since_us=max(0, time.time_ns() // 1000 - days * DAY_US),
        success=resolved,
        what_if=at_price_of,
        months=months,
    )
    with open_store(project.layout, project.path) as store:
        report = store.call(traffic.costs, request)
    if as_json:
        print_indented(report)
    else:
        print_document(describe_cost(report))


def _chosen(project: Project, name: str | None) -> str:
    if name is not None:
        return experiment_of(project, name).name
    if len(project.plan.experiments) != 1:
        known = ", ".join(project.plan.experiments) or "the file has none"
        raise UsageError(f"cost: name the experiment ({known})")
    return next(iter(project.plan.experiments))
