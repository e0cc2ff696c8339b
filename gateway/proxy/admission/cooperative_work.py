"""Work in small steps: a little at once, and the rest in turns with everything else that the event loop does.

A step takes some ten microseconds. A thread would not help, since the work holds the interpreter's lock.
"""

from __future__ import annotations

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
"""What is over by then is done at once; what is not goes on in turns that are as long."""

SHARE = 0.2
"""Of the loop's time that all work in turns may take together."""

MOST_WAITING, MOST_OF_ONE = 64, 16
"""Pieces of work that wait for their turns at a time: of all, and of one caller."""


class TooMuchWork(Exception):
    """The work takes more steps than it may."""


@dataclass(slots=True)
class Allowance:
    """How many steps are left for one or several pieces of work."""

    left: int


def bounded(steps: Steps[Result], allowance: Allowance) -> Steps[Result]:
    """The same steps, and `TooMuchWork` when there are none left for them."""
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


class Turns:
    """Work of several requests, of which one has a turn at a time; the loop has most of its time for all else."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._waiting: Counter[str | None] = Counter()

    def busy(self, caller: str | None) -> bool:
        """Whether so much work waits, of all or of this caller, that no more should be added."""
        return self._waiting[caller] >= MOST_OF_ONE or self._waiting.total() >= MOST_WAITING

    async def take(self, steps: Steps[Result], caller: str | None) -> Result:
        """The result, at once or after some turns."""
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
            self._waiting += Counter()  # forgets callers without any


def _turn(steps: Steps[Result]) -> tuple[float | None, Any]:
    """Some steps: the seconds that they took, or ``None`` and the result."""
    begun = time.perf_counter()
    while (took := time.perf_counter() - begun) < TURN_SECONDS:
        try:
            next(steps)
        except StopIteration as over:
            return None, over.value
    return took, None
