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
    Row,
    Sentence,
    State,
    Table,
    Texts,
)
from fairtrial.domain.errors import printable
from fairtrial_cli.output.terminal import Column, columns, print_table

STYLES: dict[State, str] = {"good": "green", "bad": "red", "open": "yellow", "quiet": "dim", "": ""}


def print_document(document: Document) -> None:
    """Print the title and all blocks."""
    console = Console()
    console.print(_text(document.title, "bold"))
    _print(console, document.blocks)


def _print(console: Console, blocks: Iterable[Block]) -> None:
    for block in blocks:
        match block:
            case Heading(text):
                _print_heading(console, text)
            case Sentence(text, state, mark):
                console.print(_text(f"{mark} {text}".strip(), STYLES[state]), soft_wrap=True)
            case Note(text, state):
                console.print(_text(text, STYLES[state]), soft_wrap=True)
            case Facts(facts):
                rows = [(fact.name, fact.text) for fact in facts]
                print_table(console, [Column("name"), Column("text", "prose")], rows, with_head=False)
            case Table():
                if block.title:
                    _print_heading(console, block.title)
                _print_table(console, block)
            case Chart():
                _print_table(console, block.as_table())
            case Texts(texts):
                for name, text in texts:
                    console.print(_text(f"{name}\n{text}".strip("\n")), soft_wrap=True)
            case Action(label, command):
                console.print(_text(f"{label}: {command}"), soft_wrap=True)
            case Details(title, inner):
                _print_heading(console, title)
                _print(console, inner)


def _print_heading(console: Console, text: str) -> None:
    console.print(_text(f"\n{text}", "bold"))


def _text(text: str, style: str = "") -> Text:
    """The text, in which no control character reaches the terminal."""
    return Text("\n".join(map(printable, text.split("\n"))), style=style)


def _print_table(console: Console, table: Table) -> None:
    print_table(console, columns(*table.columns, prose=table.prose), [_cells(row) for row in table.rows])


def _cells(row: Row) -> list[str | Text]:
    cells = [*row.cells]
    if row.more is not None:
        cells[-1] += f"\n{row.more.name}: {row.more.text}"
    return [Text(cells[0], style=STYLES[row.state]), *cells[1:]]
