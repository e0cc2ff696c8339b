"""A progress bar for each run, in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from evaluators.engine import Progress


@contextmanager
def showing(console: Console) -> Iterator[Callable[[Progress], None]]:
    """What to call with each step; the bars live as long as the context, and none are drawn where nobody looks."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    tasks: dict[tuple[str, str], TaskID] = {}
    with Bars(*columns, console=console, disable=not console.is_terminal) as bars:

        def step(progress: Progress) -> None:
            key = (progress.suite, progress.target)
            if key not in tasks:
                tasks[key] = bars.add_task(escape(" on ".join(key)), total=progress.total, note="")
            bars.update(tasks[key], completed=progress.done, note=_note(progress))

        yield step


def _note(progress: Progress) -> str:
    notes = [f"{progress.cached} kept"] if progress.cached else []
    return ", ".join([*notes, f"{progress.errors} errors"] if progress.errors else notes)
