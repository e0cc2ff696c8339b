"""Progress bars in the terminal, for runs of suites and for long store operations."""

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
from fairtrial.domain.plurals import counted
from fairtrial.domain.storage.maintenance import OnProgress
from fairtrial.domain.storage.maintenance import Progress as StoreProgress


@contextmanager
def run_progress(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Show a progress bar for each run. Yields the callback; nothing is drawn without a terminal."""
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
    notes = [f"{progress.cached} cached"] if progress.cached else []
    return ", ".join([*notes, counted(progress.errors, "error")] if progress.errors else notes)


@contextmanager
def store_progress(what: str) -> Iterator[OnProgress]:
    """Show one progress bar. Yields the callback; nothing is drawn without a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task(what, total=None)

        def on_progress(step: StoreProgress) -> None:
            bars.update(task, description=step.what, completed=step.done, total=step.total)

        yield on_progress


@contextmanager
def count_progress(what: str, *, total: int) -> Iterator[Callable[[], None]]:
    """Show one progress bar for so many steps. Yields the callback for one more."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task(what, total=total)
        yield lambda: bars.advance(task)


@contextmanager
def step_progress(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show one progress bar for named steps. Yields the callback: the step that begins, and steps done of all."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task(what, total=None)

        def step(name: str, done: int, total: int) -> None:
            bars.update(task, description=f"{what}: {name}" if name else what, completed=done, total=total)

        yield step
