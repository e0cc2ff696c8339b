"""Interleaves the requests of several runs, so that no time lies between their answers to the same case."""

from __future__ import annotations

import asyncio
from math import inf


class Pace:
    """Lets no run start a request more than ``window`` requests ahead of the slowest run."""

    def __init__(self, runs: int, window: int) -> None:
        self._started: list[float] = [0.0] * runs
        self._window = window
        self._waiting: list[asyncio.Future[None]] = []

    async def start(self, run: int) -> None:
        """Wait until this run may start its next request, and count it."""
        while self._started[run] - min(self._started) >= self._window:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._move(run, self._started[run] + 1)

    def end(self, run: int) -> None:
        """Stop counting a run that has started its last request."""
        self._move(run, inf)

    def _move(self, run: int, place: float) -> None:
        slowest = min(self._started)
        self._started[run] = place
        if min(self._started) > slowest:
            waiting, self._waiting = self._waiting, []
            for turn in waiting:
                if not turn.done():
                    turn.set_result(None)
