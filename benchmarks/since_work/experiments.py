"""CPU of steps through many experiments: two processes that `steps` runs in take turns."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.since_work.steps import PER_SECOND
from benchmarks.wire.paired import Row
from benchmarks.wire.programs import Program
from benchmarks.wire.servers import ended

EXPERIMENTS, STORED = 20, 1_000_000
TURNS = {
    "steady": (f"steps of {EXPERIMENTS} young experiments, a request at {PER_SECOND} a second", 0, 3),
    "urgent": (f"urgent test of {EXPERIMENTS} experiments on {STORED:,} requests", STORED, 5),
}
"""The name of a turn → the work, the requests in its store, and how many turns."""


def works() -> list[str]:
    """The names of the rows."""
    return [work for work, _, _ in TURNS.values()]


def pairs(programs: tuple[Program, Program], folder: Path) -> Iterator[Row]:
    """One row for each pair of turns; the first pair warms up."""
    for turn, (work, stored, times) in TURNS.items():
        with ExitStack() as stack:
            running = [
                stack.enter_context(_steps(program, folder / turn / str(place), stored))
                for place, program in enumerate(programs)
            ]
            for number in range(times + 1):
                used = {id(one): _asked(one, turn) for one in (running if number % 2 else running[::-1])}
                if number:
                    first, second = (used[id(one)] for one in running)
                    yield Row(work, "ms of CPU", [(first, second)])


@contextmanager
def _steps(program: Program, folder: Path, stored: int) -> Iterator[subprocess.Popen[str]]:
    folder.mkdir(parents=True)
    command = [program.python, "-m", "benchmarks.since_work.steps", str(folder), str(EXPERIMENTS), str(stored)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=folder, env=program.environment, text=True, **pipes)
    with ended(process):
        yield process


def _asked(process: subprocess.Popen[str], turn: str) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    print(turn, file=process.stdin, flush=True)
    return float(process.stdout.readline())
