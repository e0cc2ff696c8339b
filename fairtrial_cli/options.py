"""Declares the options that many commands have, loads their project, and prints what `--json` asks for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fairtrial.config.project import Project

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


def project_of(config: Path) -> Project:
    """The project of `--config`; raises `ConfigError`."""
    from fairtrial.config.project import load_project

    return load_project(config, os.environ)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    import msgspec

    click.echo(msgspec.json.encode(value).decode())


def print_indented(value: Any) -> None:
    """Print plain values as JSON that people read."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
