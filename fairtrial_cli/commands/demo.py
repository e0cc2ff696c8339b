"""The command `fairtrial demo`: the product at work on real models, on one machine, without a key."""

from __future__ import annotations

import sys
from pathlib import Path

import click

LOG_WIDTH = 120
"""How wide the tables are where the output goes to a file."""


@click.command()
@click.option("--no-wait", is_flag=True, help="End by itself, with the gate's exit code for the good fine-tune.")
@click.option("--folder", default=".demo", show_default=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--fresh", is_flag=True, help="Start anew even if an earlier demo was broken off here.")
@click.option("--users", default=240, show_default=True, type=click.IntRange(1, 100_000), help="Simulated customers.")
@click.option("--limit", type=click.IntRange(1), help="Ask only the first cases of each suite: quick, decides nothing.")
def command(no_wait: bool, folder: Path, fresh: bool, users: int, limit: int | None) -> None:
    """See the product decide: five real models, live traffic, three suites, four verdicts, the dashboard.

    \b
    Example:  fairtrial demo --no-wait
    """
    from rich.console import Console

    from fairtrial_cli.demo.show import Options, show

    options = Options(folder, fresh=fresh, wait=not no_wait, users=users, limit=limit)
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_WIDTH)
    sys.exit(show(options, console))
