"""Defines a document: what is read, as a list of blocks that renderers show without knowing what they are about."""

from collections.abc import Iterable, Iterator
from math import inf
from typing import Any, Literal

from msgspec import Struct

from fairtrial.api.operation import Operation, Request

MOST_DIGITS = 10_000

State = Literal["good", "bad", "open", "quiet", ""]
"""How a text, a fact or a row is to be seen: as good, as bad, as not settled, or as something minor."""


class Heading(Struct, frozen=True):
    """A heading; ``level`` 1 begins a part of the document, and 2 a part of that."""

    text: str
    level: int = 1


class Sentence(Struct, frozen=True):
    """A sentence or a paragraph. ``mark``: one emphasised word before it. ``item``: it is one of a list."""

    text: str
    state: State = ""
    mark: str = ""
    item: bool = False


class Note(Struct, frozen=True):
    """A sentence that a reader must not overlook."""

    text: str
    state: State = "open"


class Fact(Struct, frozen=True):
    """A name and its value."""

    name: str
    text: str


class Facts(Struct, frozen=True):
    """Names and values; those without a value are left out."""

    facts: tuple[Fact, ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, object]]) -> "Facts":
        """The facts in these pairs."""
        return cls(tuple(Fact(name, str(value)) for name, value in pairs if value))


class Interval(Struct, frozen=True):
    """An estimate of ``n`` units with its bounds; ``limit``: what is required."""

    value: float
    low: float
    high: float
    n: int
    limit: float | None = None
    unit: str = ""


class Row(Struct, frozen=True):
    """A row of a table or a chart. ``state`` is that of its first cell; ``more`` stands below its last cell."""

    cells: tuple[str, ...]
    state: State = ""
    interval: Interval | None = None
    more: Fact | None = None


class Listed(Struct, frozen=True):
    """The first and the last cells of the rows with these states, as a list. Without such rows, it has no title."""

    title: str
    states: tuple[State, ...]


class Fold(Struct, frozen=True):
    """How a table is shown where there is little room: as lists, and then folded under ``summary``."""

    summary: str
    lists: tuple[Listed, ...]


class Table(Struct, frozen=True):
    """Rows under the titles of their columns. ``prose``: the columns of sentences.

    ``title``: a heading, which a folded table leaves to its lists.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    prose: tuple[str, ...] = ()
    title: str = ""
    fold: Fold | None = None


class Chart(Struct, frozen=True):
    """Intervals to be seen side by side. Where a renderer can draw, ``axis`` is what they measure; else: a table."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    axis: str = ""

    def as_table(self) -> Table:
        """The table with the numbers of each interval."""
        rows = (Row((*row.cells, *_numbers(row.interval)), row.state) for row in self.rows)
        return Table((*self.columns, "estimate", "interval", "limit", "n"), tuple(rows))


def _numbers(interval: Interval | None) -> Iterator[str]:
    if interval is None:
        return iter(("", "", "", ""))
    unit = f" {interval.unit}" if interval.unit else ""
    limit = "" if interval.limit is None else f"{_number(interval.limit)}{unit}"
    upper = "or more" if interval.high == inf else f"to {_number(interval.high)}"
    bounds = f"{_number(interval.low)} {upper}{unit}"
    return iter((f"{_number(interval.value)}{unit}", bounds, limit, str(interval.n)))


def _number(value: float) -> str:
    """A number with four significant digits, or as a whole one beyond that."""
    return f"{value:,.0f}" if abs(value) >= MOST_DIGITS else f"{value:.4g}"


class Texts(Struct, frozen=True):
    """Texts to be compared, each with its name. They are shown as they are written."""

    texts: tuple[tuple[str, str], ...]


class Action(Struct, frozen=True):
    """What can be done: an operation with its request, for a button, and the command that does the same."""

    label: str
    command: str
    operation: Operation[Any, Any]
    request: Request


class Details(Struct, frozen=True):
    """Blocks that may be folded under a title."""

    title: str
    blocks: "tuple[Block, ...]"


Block = Heading | Sentence | Note | Facts | Table | Chart | Texts | Action | Details


class Document(Struct, frozen=True):
    """A document. ``kind``: one word, which a renderer may style."""

    title: str
    blocks: tuple[Block, ...]
    kind: str = ""
