"""A limit in seconds to what the current task waits for: `asyncio.timeout`, at a third of its cost for each request."""

from __future__ import annotations

import asyncio
from types import TracebackType


class TimeLimit:
    """``with TimeLimit(seconds):`` cancels the task when they are over, and makes a `TimeoutError` of that."""

    __slots__ = ("_asked", "_over", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task: asyncio.Task[object] = task
        self._asked = task.cancelling()
        self._over = False
        self._timer = task.get_loop().call_later(max(0.0, seconds), self._end)

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
