"""CPU of `fairtrial up`: of all its processes at rest, and of control while requests come."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import idle
from benchmarks.wire.paired import Row
from benchmarks.wire.processes import cpu_seconds
from benchmarks.wire.programs import Program
from benchmarks.wire.servers import Server

WINDOWS, WINDOW_SECONDS = 5, 8.0
TURNS, TURN_SECONDS, PER_SECOND = 5, 12.0, 400
DRAIN_SECONDS = 7.5
"""After which control has stored what came, and has looked at it."""


def pairs(plain: Server, programs: tuple[Program, Program], folder: Path) -> Iterator[Row]:
    """Both projects run at the same time: they rest together, and get requests in turns."""
    folder.mkdir()
    shown = all((program.folder / "dashboard").exists() for program in programs)
    with ExitStack() as stack:
        ups = [
            stack.enter_context(
                idle.project(
                    folder / str(place),
                    plain.port,
                    program.command,
                    program.environment,
                    options=() if shown else ("--no-dashboard",),
                )
            )
            for place, program in enumerate(programs)
        ]
        at_rest, control = works(shown=shown)
        yield from _at_rest(ups, at_rest)
        yield from _control(ups, control)


def works(*, shown: bool) -> list[str]:
    """The names of the rows; ``shown``: with the dashboard."""
    at_rest = "at rest, all of up" if shown else "at rest, gateway and control"
    return [at_rest, f"control, a request at {PER_SECOND} a second"]


def _at_rest(ups: Sequence[idle.Up], work: str) -> Iterator[Row]:
    time.sleep(idle.SETTLE_SECONDS)
    for _ in range(WINDOWS):
        before = [cpu_seconds(up.pid) for up in ups]
        time.sleep(WINDOW_SECONDS)
        first, second = (
            100 * (cpu_seconds(up.pid) - used) / WINDOW_SECONDS for up, used in zip(ups, before, strict=True)
        )
        yield Row(work, "% of a core", [(first, second)])


def _control(ups: Sequence[idle.Up], work: str) -> Iterator[Row]:
    for number in range(TURNS + 1):
        used = {up.port: _turn(up) for up in (ups if number % 2 else ups[::-1])}
        if number:  # the first turn warms up
            first, second = (used[up.port] for up in ups)
            yield Row(work, "µs of CPU", [(first, second)])


def _turn(up: idle.Up) -> float:
    """Microseconds of control's CPU for each answer of one turn."""
    (control,) = up.pids()["control"]
    before = cpu_seconds(control)
    answers = idle.generate(up, seconds=TURN_SECONDS, per_second=PER_SECOND)["answers"]
    time.sleep(DRAIN_SECONDS)
    return float(1e6 * (cpu_seconds(control) - before) / answers)
