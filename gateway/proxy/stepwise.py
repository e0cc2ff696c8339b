"""Work in small steps: at once where it is little, else in turns with everything else that the event loop does.

One step takes a fraction of a millisecond. A thread would not help, since the work holds the interpreter's lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Yields between two steps, and returns the result."""

MOST_WAITING = 16


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
        self._waiting = 0

    @property
    def busy(self) -> bool:
        """Whether so much work waits that no more should be added."""
        return self._waiting >= MOST_WAITING

    async def take(self, steps: Steps[Result]) -> Result:
        """The result, after as many turns as there are steps."""
        self._waiting += 1
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
            self._waiting -= 1
