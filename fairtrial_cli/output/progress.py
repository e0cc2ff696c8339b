"""Progress bars in the terminal: one for each run of a suite, or one for a long operation on the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from evaluators.engine.engine import Progress
from fairtrial.store.core.progress import OnStep, Step


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


@contextmanager
def steps_shown(what: str) -> Iterator[OnStep]:
    """What to call with each step; none are drawn where nobody looks."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task(what, total=None)

        def on_step(step: Step) -> None:
            bars.update(task, description=step.what, completed=step.done, total=step.total)

        yield on_step
