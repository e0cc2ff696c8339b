"""A progress bar for work on the store, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fairtrial.store.steps import OnStep, Step


@contextmanager
def steps_shown(what: str) -> Iterator[OnStep]:
    """What to call with each step; none are drawn where nobody looks."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task(what, total=None)

        def on_step(step: Step) -> None:
            bars.update(task, description=step.what, completed=step.done, total=step.total)

        yield on_step
