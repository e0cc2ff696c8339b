"""The command `fairtrial prices`, which shows what each deployment costs, and where that is stated."""

from pathlib import Path

import click

from fairtrial_cli.options import CONFIG, print_json, project_of


@click.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def command(config: Path, as_json: bool) -> None:
    """Show the price of each deployment, its days, and its source.

    A price of the project goes before one of litellm's bundled list. The latter counts only for deployments with
    `external: true`, by the host of their address. The last lines of a price name what it doesn't cover.

    \b
    Example:  fairtrial prices
    """
    from fairtrial_cli.output.prices import prices_json, prices_text

    project = project_of(config)
    if as_json:
        print_json(prices_json(project))
    else:
        click.echo(prices_text(project))
