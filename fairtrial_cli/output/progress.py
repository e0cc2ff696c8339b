"""Shows how far long work is: by a bar on a terminal, and by a line every few seconds elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from fairtrial.domain.store_reports import OnProgress
from fairtrial.domain.store_reports import Progress as StoreProgress
from fairtrial.domain.wording import counted

if TYPE_CHECKING:
    from evaluators.engine.engine import Progress

QUIET_SECONDS = 10.0
"""Without a terminal, the time between two lines, as long as the work goes on."""


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
        note = f", {task.fields['note']}" if task.fields.get("note") else ""
        self.console.print(f"{task.description}: {task.completed:,.0f}{of}{note}", highlight=False, soft_wrap=True)


@contextmanager
def run_progress(console: Console) -> Iterator[Callable[[Progress], None]]:
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
