"""Runs CPU-bound work in small steps: a little at once, the rest in time slices between the event loop's other work."""

import asyncio
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Yields between two steps, and returns the result."""

TURN_SECONDS = 0.0003
"""Work that takes less is done at once. The rest continues in time slices of this length."""

SHARE = 0.2
"""The share of the loop's time that all sliced work may take together."""

MOST_WAITING, MOST_OF_ONE = 64, 16
"""How many pieces of work may wait at a time: of all callers, and of one."""


class TooMuchWork(Exception):
    """The work takes more steps than it may."""


@dataclass(slots=True)
class Allowance:
    """How many steps remain for one or several pieces of work."""

    left: int


def bounded(steps: Steps[Result], allowance: Allowance) -> Steps[Result]:
    """The same steps, but `TooMuchWork` once none remain."""
    while allowance.left > 0:
        try:
            next(steps)
        except StopIteration as over:
            result: Result = over.value
            return result
        allowance.left -= 1
        yield
    raise TooMuchWork


def at_once(steps: Steps[Result]) -> Result:
    """The result, without a pause between the steps."""
    while True:
        try:
            next(steps)
        except StopIteration as over:
            result: Result = over.value
            return result


class TimeSlicer:
    """Gives each of several requests' work a time slice in turn. The loop keeps most of its time for other work.

    A step takes some ten microseconds. A thread would not help, because the work holds the interpreter's lock.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._waiting: Counter[str | None] = Counter()

    def busy(self, caller: str | None) -> bool:
        """Whether so much work waits, of all callers or of this one, that no more should be added."""
        return self._waiting[caller] >= MOST_OF_ONE or self._waiting.total() >= MOST_WAITING

    async def run(self, steps: Steps[Result], caller: str | None) -> Result:
        """The result, at once or after some time slices."""
        over, result = _turn(steps)
        if over is None:
            return cast("Result", result)
        self._waiting[caller] += 1
        try:
            while over is not None:
                async with self._lock:
                    over, result = _turn(steps)
                    await asyncio.sleep(0 if over is None else over * (1 / SHARE - 1))
            return cast("Result", result)
        finally:
            self._waiting[caller] -= 1
            self._waiting += Counter()  # drops callers without any work


def _turn(steps: Steps[Result]) -> tuple[float | None, Any]:
    """Run some steps. Returns the seconds that they took, or ``None`` and the result."""
    begun = time.perf_counter()
    while (took := time.perf_counter() - begun) < TURN_SECONDS:
        try:
            next(steps)
        except StopIteration as over:
            return None, over.value
    return took, None
