"""Declares the options that many commands have, and prints what `--json` asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

CONFIG = click.option(
    "-c",
    "--config",
    default="fairtrial.yaml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The project file.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
WHY = click.option("--why", required=True, metavar="TEXT", help="The reason, which is recorded; one line.")


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    import msgspec

    click.echo(msgspec.json.encode(value).decode())


def print_indented(value: Any) -> None:
    """Print plain values as JSON that people read."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
