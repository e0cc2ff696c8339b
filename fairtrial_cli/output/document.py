"""Prints a document on a terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from fairtrial.document.values import (
    Action,
    Block,
    Chart,
    Details,
    Document,
    Facts,
    Heading,
    Note,
    Sentence,
    State,
    Table,
    Texts,
)
from fairtrial_cli.output.terminal import Column, columns, print_table

STYLES: dict[State, str] = {"good": "green", "bad": "red", "open": "yellow", "quiet": "dim", "": ""}


def print_document(document: Document) -> None:
    """Print the title and all blocks."""
    console = Console()
    console.print(Text(document.title, style="bold"))
    _print(console, document.blocks)


def _print(console: Console, blocks: Iterable[Block]) -> None:
    for block in blocks:
        match block:
            case Heading(text):
                console.print(Text(text, style="bold"))
            case Sentence(text, state, mark):
                console.print(Text(f"{mark} {text}".strip(), style=STYLES[state]), soft_wrap=True)
            case Note(text, state):
                console.print(Text(text, style=STYLES[state]))
            case Facts(facts):
                rows = [(fact.name, fact.text) for fact in facts]
                print_table(console, [Column("name"), Column("text", "prose")], rows, with_head=False)
            case Table():
                _print_table(console, block)
            case Chart():
                _print_table(console, block.as_table())
            case Texts(texts):
                for name, text in texts:
                    console.print(Text(f"{name}\n{text}".rstrip()), soft_wrap=True)
            case Action(label, command):
                console.print(Text(f"{label}: {command}"), soft_wrap=True)
            case Details(title, inner):
                console.print(Text(title, style="bold"))
                _print(console, inner)


def _print_table(console: Console, table: Table) -> None:
    rows: list[tuple[str | Text, ...]] = [
        (Text(row.cells[0], style=STYLES[row.state]), *row.cells[1:]) for row in table.rows
    ]
    print_table(console, columns(*table.columns, prose=table.prose), rows)
