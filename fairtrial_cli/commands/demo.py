"""The command `fairtrial demo`, which shows the product with real local models and needs no API key."""

import sys
from pathlib import Path

import click

LOG_WIDTH = 100
"""The width of tables when the output goes to a file."""


@click.command()
@click.option(
    "--no-wait", is_flag=True, help="Stop at the end, with the exit code of the gate's decision on the good fine-tune."
)
@click.option(
    "--folder",
    default=".demo",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the demo keeps its files.",
)
@click.option("--full", is_flag=True, help="Judge all four fine-tunes on all cases, however long it takes.")
@click.option("--users", type=click.IntRange(1, 100_000), help="Simulated customers, instead of those that fit.")
@click.option(
    "--limit", type=click.IntRange(8), help="Take at most so many cases of each suite: quick, but decides little."
)
def command(no_wait: bool, folder: Path, full: bool, users: int | None, limit: int | None) -> None:
    """Run the demo, from real models to verdicts and the dashboard.

    It sends live traffic, runs three suites and gives three verdicts. It measures the machine first, and takes fewer
    cases on a slow one. Ctrl-C ends everything that it has started.

    \b
    Example:  fairtrial demo --no-wait
    """
    click.echo("Starting the demo: real local models, no API key, no GPU. Ctrl-C ends it at any time.")
    from rich.console import Console

    from fairtrial_cli.demo.show import DemoOptions, show

    options = DemoOptions(folder, wait=not no_wait, full=full, users=users, limit=limit)
    console = Console()
    if not console.is_terminal:
        console = Console(width=LOG_WIDTH)
    sys.exit(show(options, console))
