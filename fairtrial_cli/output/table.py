"""Prints a table that fits the terminal: what has no room in a row goes on lines below it, and nothing is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from fairtrial.domain.errors import printable

Cell = str | Text
Kind = Literal["name", "number", "prose"]
GAP, INDENT, LEAST_PROSE = 2, 2, 36
"""Columns between two cells, before a line below a row, and for text that is wrapped beside other cells."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. A ``name`` stays whole, a ``number`` is aligned to the right, and ``prose`` is wrapped at spaces."""

    title: str
    kind: Kind = "name"


def columns(*titles: str, numbers: Sequence[str] = (), prose: Sequence[str] = ()) -> list[Column]:
    """Columns with these titles; those in ``numbers`` or ``prose`` are of that kind."""
    return [Column(title, "number" if title in numbers else "prose" if title in prose else "name") for title in titles]


def print_table(
    console: Console, head: Sequence[Column], rows: Sequence[Sequence[Cell]], *, with_head: bool = True
) -> None:
    """Print the rows in the width of the console; nothing without rows."""
    for line in table_lines(head, rows, console.width, with_head=with_head) if rows else ():
        console.print(line, soft_wrap=True, highlight=False)


def table_lines(
    head: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int, *, with_head: bool = True
) -> Iterator[Text]:
    """The lines of a table. Only a word that is wider than ``width`` makes a longer line."""
    cells = [[_clean(cell, column.kind) for cell, column in zip(row, head, strict=True)] for row in rows]
    titles = [Text(printable(column.title), style="bold") for column in head]
    widths = [_widest([*([titles[at]] if with_head else []), *(row[at] for row in cells)]) for at in range(len(head))]
    beside = _beside(head, widths, width)
    if with_head:
        yield from _row_lines(head, titles, widths, beside)
    for row in cells:
        yield from _row_lines(head, row, widths, beside)
        below = [(head[at], row[at]) for at in range(len(head)) if at not in beside]
        yield from _below(below, width)


def _clean(cell: Cell, kind: Kind) -> Text:
    """The cell without control characters; only prose may have several lines."""
    text, style = (cell.plain, cell.style) if isinstance(cell, Text) else (cell, "")
    lines = text.split("\n") if kind == "prose" else [text]
    return Text("\n".join(printable(line) for line in lines), style=style)


def _widest(cells: Sequence[Text]) -> int:
    return max((cell_len(line) for cell in cells for line in cell.plain.split("\n")), default=0)


def _beside(head: Sequence[Column], widths: list[int], width: int) -> list[int]:
    """The columns that stand in the row itself. Sets the width of prose that is wrapped there."""
    used, beside = widths[0], [0]
    for at in range(1, len(head)):
        room = width - used - GAP
        if widths[at] > room and head[at].kind == "prose" and room >= LEAST_PROSE and at == len(head) - 1:
            widths[at] = room
        if widths[at] <= room:
            beside.append(at)
            used += GAP + widths[at]
    return beside


def _row_lines(head: Sequence[Column], row: Sequence[Text], widths: list[int], beside: list[int]) -> Iterator[Text]:
    wrapped = {at: list(_wrapped(row[at].plain, widths[at])) for at in beside if head[at].kind == "prose"}
    for number in range(max([1, *(len(lines) for lines in wrapped.values())])):
        line = Text()
        for at in beside:
            lines = wrapped.get(at, [row[at].plain])
            text = lines[number] if number < len(lines) else ""
            space = " " * max(0, widths[at] - cell_len(text))
            line.append(" " * GAP if at else "")
            line.append(space if head[at].kind == "number" else "")
            line.append(text, style=row[at].style)
            line.append("" if head[at].kind == "number" else space)
        line.rstrip()
        yield line


def _below(cells: Sequence[tuple[Column, Text]], width: int) -> Iterator[Text]:
    """Names and numbers after their titles, as many in a line as fit; each prose on lines of its own."""
    line = Text()
    for column, cell in cells:
        if not cell.plain:
            continue
        if column.kind == "prose":
            if line:
                yield line
            line = Text()
            for part in _wrapped(cell.plain, width - INDENT):
                yield Text(" " * INDENT).append(part, style=cell.style)
            continue
        item = Text().append(f"{printable(column.title)} ", style="dim").append(cell.plain, style=cell.style)
        if line and line.cell_len + GAP + item.cell_len > width:
            yield line
            line = Text()
        lines = list(_wrapped(item.plain, width - INDENT))
        if len(lines) > 1:
            yield from (Text(" " * INDENT).append(part) for part in lines)
            continue
        line = (line.append(" " * GAP) if line else Text(" " * INDENT)).append_text(item)
    if line:
        yield line


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Lines of at most this width, broken at spaces only."""
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            if line and cell_len(line) + 1 + cell_len(word) > width:
                yield line
                line = word
            else:
                line = f"{line} {word}" if line else word
        yield line
