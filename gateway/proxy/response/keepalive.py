"""One timer for a whole stream: comments in its silence, an end to waiting for an upstream or reader that stalls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from gateway.proxy.http_server.request_cycle import Turn

PING = b": ping\n\n"
"""A comment: the standard's own way to keep a connection alive, which no client takes for an event."""

_SOONEST = 0.002


class Pulse:
    """A stream's way to its client. A caller that waits for a first byte is sent the head, then comments.

    Only whole events go out, so that a comment can follow at any time. The timer is lazy: what comes and goes only sets
    ``last``, and the timer looks at it when it fires; it is the same one however many pieces a stream has.
    """

    __slots__ = (
        "_early", "_ends", "_every", "_idle", "_limit", "_loop", "_timer", "client",
        "last", "opened", "sending",
    )  # fmt: skip

    def __init__(self, client: Turn, *, every: float, early: Callable[[], tuple[int, Sequence[bytes]] | None]) -> None:
        """``every``: seconds of silence before a comment, 0 for none; ``early``: the head before there is an answer."""
        self._loop = asyncio.get_running_loop()
        self.client = client
        self._every = every
        self._early = early
        self._limit: asyncio.Timeout | None = None
        self._idle = self._ends = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.last = self._loop.time()
        self.opened = False
        self.sending = False
        """Whether it is the client that is waited for, and not the upstream."""
        if every:
            self._timer = self._loop.call_later(every, self._look)

    def open(self, status: int, lines: Sequence[bytes]) -> None:
        """Send the head, unless a comment had to go first."""
        if not self.opened:
            self.opened = True
            self.client.begin(status, lines)

    async def send(self, events: bytes) -> None:
        """Send whole events; waits while the client does not read."""
        self.sending, self.last = True, self._loop.time()
        if self.client.line.full:
            await self.client.line.drain()
        self.client.piece(events)
        self.sending, self.last = False, self._loop.time()

    def push(self, events: bytes) -> bool:
        """Send whole events without waiting; false where the client has to be waited for, and nothing was sent."""
        if self.client.line.full:
            return False
        self.client.piece(events)
        self.last = self._loop.time()
        return True

    def end(self, events: bytes) -> None:
        """Send the last events and end the answer."""
        self.stop()
        self.client.end(events)

    def guard(self, limit: asyncio.Timeout, *, idle: float, left: float) -> None:
        """Let ``limit`` expire when nothing moves for ``idle`` seconds, or when ``left`` seconds are over."""
        self._limit, self._idle, self._ends = limit, idle, self._loop.time() + left
        self.last = self._loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(max(_SOONEST, min(idle, left, self._every or idle)), self._look)

    def quiet(self) -> None:
        """No comment from now on."""
        self._every = 0.0

    def stop(self) -> None:
        """No comment and no limit from now on."""
        self._limit = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now, due = self._loop.time(), []
        if self._limit is not None:
            stalls = min(self.last + self._idle, self._ends)
            if now >= stalls:
                self._limit.reschedule(now)
                return
            due.append(stalls)
        if self._every:
            if not self.sending and now >= self.last + self._every:
                self._ping()
                due.append(now + self._every)
            else:
                due.append((now if self.sending else self.last) + self._every)
        self._timer = self._loop.call_at(max(min(due), now + _SOONEST), self._look)

    def _ping(self) -> None:
        if self.client.line.full:
            return
        if not self.opened:
            head = self._early()
            if head is None:
                return
            self.open(*head)
        self.client.piece(PING)
