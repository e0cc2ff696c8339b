"""The help of `fairtrial` is readable on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.testing import CliRunner

from fairtrial_cli.main import fairtrial


def groups(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of each group of commands, the program itself first."""
    if isinstance(command, click.Group):
        yield path
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from groups(inner, (*path, name))


def test_each_list_of_commands_has_whole_sentences() -> None:
    pages = {
        path: CliRunner().invoke(fairtrial, [*path, "--help"], terminal_width=80).output for path in groups(fairtrial)
    }
    assert len(pages) > 5
    cut = [line for page in pages.values() for line in page.split("Commands:")[1].splitlines() if line.endswith("...")]
    assert cut == []
