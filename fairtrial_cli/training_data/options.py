"""Options and steps that the `fairtrial data` commands share: reading a source, progress, and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial.domain.errors import ConfigError, UsageError
from fairtrial.domain.wording import counted

if TYPE_CHECKING:
    from evaluators.training_data.example_file import ExampleFile

FORCE = click.option("--force", is_flag=True, help="Replace existing files.")
SKIP_UNREADABLE = click.option(
    "--skip-unreadable", is_flag=True, help="Leave out rows that can't be read. Without it, they are an error."
)
PROMPT = click.option("--prompt", metavar="COLUMN", help="The column with the prompt, if it has another name.")
COMPLETION = click.option(
    "--completion", metavar="COLUMN", help="The column with the completion, if it has another name."
)
MOST_ERRORS = 10


def named_columns(prompt: str | None, completion: str | None) -> tuple[str, str] | None:
    """The two columns, or ``None`` if neither is named; raises `UsageError` for one alone."""
    if prompt is None and completion is None:
        return None
    if prompt is None or completion is None:
        given, missing = ("prompt", "completion") if prompt else ("completion", "prompt")
        raise UsageError(f"--{given} needs --{missing}, too")
    return prompt, completion


def read_source(path: Path, *, skip_unreadable: bool, columns: tuple[str, str] | None = None) -> ExampleFile:
    """The examples of a file; raises `ConfigError` for rows that can't be read, unless they are skipped."""
    from evaluators.training_data.example_file import read_examples

    with show_busy(f"reading {path.name}"):
        file = read_examples(path, columns=columns)
    if not file.errors:
        return file
    if skip_unreadable:
        says = f"{path}: {counted(len(file.errors), 'row')} can't be read and left out, the first: {file.errors[0]}"
        click.echo(says, err=True)
        return file
    shown = list(file.errors[:MOST_ERRORS])
    if len(file.errors) > MOST_ERRORS:
        more = UsageError(f"and {len(file.errors) - MOST_ERRORS} more rows that can't be read")
        click.echo(f"{path}: {more}", err=True)
    raise ConfigError(shown)


@contextmanager
def show_busy(what: str) -> Iterator[None]:
    """Show that work is being done; nothing is drawn without a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(what):
        yield
