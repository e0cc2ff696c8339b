"""Work in small steps: at once where it is little, else in turns with everything else that the event loop does.

One step takes a fraction of a millisecond. A thread would not help, since the work holds the interpreter's lock.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Yields between two steps, and returns the result."""

MOST_WAITING, MOST_OF_ONE = 64, 16
"""Pieces of work that wait for their turns at a time: of all, and of one caller."""


class TooMuchWork(Exception):
    """The work takes more steps than it may."""


def bounded(steps: Steps[Result], most: int) -> Steps[Result]:
    """The same steps, and `TooMuchWork` after ``most`` of them."""
    for _ in range(most):
        try:
            next(steps)
        except StopIteration as over:
            result: Result = over.value
            return result
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
    """Work of several requests that takes turns: one step of one of them in each round of the event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._waiting: Counter[str | None] = Counter()

    def busy(self, caller: str | None) -> bool:
        """Whether so much work waits, of all or of this caller, that no more should be added."""
        return self._waiting[caller] >= MOST_OF_ONE or self._waiting.total() >= MOST_WAITING

    async def take(self, steps: Steps[Result], caller: str | None) -> Result:
        """The result, after as many turns as there are steps."""
        self._waiting[caller] += 1
        try:
            while True:
                async with self._lock:
                    try:
                        next(steps)
                    except StopIteration as over:
                        result: Result = over.value
                        return result
                await asyncio.sleep(0)
        finally:
            self._waiting[caller] -= 1
            self._waiting += Counter()  # forgets callers without any
