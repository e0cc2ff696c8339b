"""Reads and writes the files of the `fairtrial data` commands, with the options that they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fairtrial.domain.errors import ConfigError, UsageError
from fairtrial.domain.wording import counted
from fairtrial.safe_files import write_private

if TYPE_CHECKING:
    from evaluators.training_data.example import Example
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


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns with the prompt and the completion, both or neither, and the system prompt of rows without one."""

    prompt: str | None = None
    completion: str | None = None
    system: str | None = None


def read_columns(path: Path, columns: Columns, *, skip_unreadable: bool) -> tuple[list[Example], str]:
    """The examples, and the name of the format in which they are; raises `UsageError` and `ConfigError`."""
    names = named_columns(columns.prompt, columns.completion)
    file = read_source(path, skip_unreadable=skip_unreadable, columns=names)
    examples, form = list(file.examples), file.format if names is None else "columns"
    if columns.system:
        examples = [_with_system(one, columns.system) for one in examples]
    return examples, form


def _with_system(example: Example, system: str) -> Example:
    if example.system:
        return example
    return replace(example, messages=({"role": "system", "content": system}, *example.messages))


def beside(source: Path, ending: str) -> Path:
    """The path for a result: ``tickets.csv`` gives ``tickets.train.jsonl`` for the ending ``train.jsonl``."""
    return source.with_name(f"{source.name.removesuffix(source.suffix)}.{ending}")


def refuse_existing(paths: Iterable[Path], *, sources: Iterable[Path], force: bool) -> None:
    """Raise `UsageError` if two results have one path, if one is a source, or if one exists and ``force`` is false."""
    named = [path.resolve() for path in paths]
    read = {path.resolve() for path in sources}
    for at, path in enumerate(named):
        if path in read:
            raise UsageError(f"{path}: this file is read, so it can't be written (name another file)")
        if path in named[:at]:
            raise UsageError(f"{path}: two results have this name (name another file)")
        if path.is_dir():
            raise UsageError(f"{path}: is a folder (name a file)")
        if not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}")
        if path.exists() and not force:
            raise UsageError(f"{path}: the file exists (--force replaces it, or name another file)")


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write all files, each completely or not at all; if one fails, new files of this call are removed again."""
    written: list[Path] = []
    try:
        for path, content in contents.items():
            is_new = not path.exists()
            write_private(path, content)
            written += [path] if is_new else []
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise UsageError(f"{path}: can't be written: {error.strerror}") from error
