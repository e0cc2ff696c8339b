"""The command `fairtrial demo`, which shows the product with real local models and needs no API key."""

from __future__ import annotations

import sys
from pathlib import Path

import click

LOG_WIDTH = 120
"""The width of tables when the output goes to a file."""


@click.command()
@click.option("--no-wait", is_flag=True, help="Stop at the end, with the gate's exit code for the good fine-tune.")
@click.option(
    "--folder",
    default=".demo",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the demo keeps its files.",
)
@click.option("--fresh", is_flag=True, help="Start over even if an earlier demo was interrupted here.")
@click.option("--users", default=240, show_default=True, type=click.IntRange(1, 100_000), help="Simulated customers.")
@click.option(
    "--limit", type=click.IntRange(1), help="Run only the first cases of each suite: quick, but decides nothing."
)
def command(no_wait: bool, folder: Path, fresh: bool, users: int, limit: int | None) -> None:
    """Run the demo: five real models, live traffic, three suites, four verdicts, and the dashboard.

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
