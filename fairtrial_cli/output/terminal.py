"""Prints tables that fit the terminal without cutting anything, and shows the progress of long work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress as RichProgress,
    ProgressColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from fairtrial.domain.errors import printable
from fairtrial.domain.store_reports import OnProgress, Progress as StoreProgress
from fairtrial.domain.wording import counted

if TYPE_CHECKING:
    from evaluators.engine.engine import CaseProgress


Cell = str | Text
Kind = Literal["name", "number", "prose"]
GAP, INDENT, LEAST_PROSE = 2, 2, 36
"""Columns between two cells, before a line below a row, and for text that is wrapped beside other cells."""

QUIET_SECONDS = 10.0
"""Without a terminal, the time between two lines, as long as the work goes on."""


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


class Bars(RichProgress):
    """Bars on a terminal. Elsewhere a line is printed once `QUIET_SECONDS` have passed since the last one."""

    def __init__(self, *columns: ProgressColumn, console: Console, **options: Any) -> None:
        super().__init__(*columns, console=console, disable=not console.is_terminal, **options)
        self._printed = monotonic()

    def update(self, task_id: TaskID, **changes: Any) -> None:
        super().update(task_id, **changes)
        self._print_line(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        self._print_line(task_id)

    def _print_line(self, task_id: TaskID) -> None:
        now, task = monotonic(), self._tasks[task_id]
        if self.console.is_terminal or now - self._printed < QUIET_SECONDS:
            return
        self._printed = now
        of = "" if task.total is None else f" of {task.total:,.0f}"
        note = f", {text}" if (text := task.fields.get("note")) else ""
        self.console.print(f"{task.description}: {task.completed:,.0f}{of}{note}", highlight=False, soft_wrap=True)


@contextmanager
def run_progress(console: Console) -> Iterator[Callable[[CaseProgress], None]]:
    """Show a progress bar for each run. Yields the callback."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    tasks: dict[tuple[str, str], TaskID] = {}
    with Bars(*columns, console=console) as bars:

        def step(progress: CaseProgress) -> None:
            key = (progress.suite, progress.target)
            if key not in tasks:
                tasks[key] = bars.add_task(escape(" on ".join(key)), total=progress.total, note="")
            bars.update(tasks[key], completed=progress.done, note=_note(progress))

        yield step


def _note(progress: CaseProgress) -> str:
    notes = [f"{progress.cached} cached"] if progress.cached else []
    return ", ".join([*notes, counted(progress.errors, "error")] if progress.errors else notes)


@contextmanager
def store_progress(what: str) -> Iterator[OnProgress]:
    """Show one progress bar. Yields the callback."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=None)

        def on_progress(step: StoreProgress) -> None:
            bars.update(task, description=step.what, completed=step.done, total=step.total)

        yield on_progress


@contextmanager
def count_progress(what: str, *, total: int) -> Iterator[Callable[[], None]]:
    """Show one progress bar for so many steps. Yields the callback for one more."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=total)
        yield lambda: bars.advance(task)


@contextmanager
def step_progress(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show one progress bar for named steps. Yields the callback: the step that begins, and steps done of all."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=None)

        def step(name: str, done: int, total: int) -> None:
            bars.update(task, description=f"{what}: {name}" if name else what, completed=done, total=total)

        yield step
