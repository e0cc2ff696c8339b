"""Holds one response of a pooled connection: the pieces that have arrived, its end, and the task that waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from gateway.proxy.transport.pool.decoding import Decompressor
from gateway.proxy.transport.transport import TransportError
from gateway.proxy.wire.headers import Headers

NO_HEADERS = Headers({})
UNREAD_LIMIT = 2**16
"""Bytes of an unread response, above which reading from the connection pauses."""


class Source(Protocol):
    """The connection that a response comes from, until its last byte."""

    def resume(self) -> None:
        """Resume reading, because what had arrived was taken."""
        ...

    def drop(self) -> None:
        """Close at once."""
        ...


class PoolResponse:
    """See `UpstreamResponse`. Its connection fills it, and is released with the last byte."""

    __slots__ = (
        "_loop", "_sink", "_waiter", "decompressor", "ended", "error", "headers", "pieces", "source", "status",
        "unread",
    )  # fmt: skip

    def __init__(self, source: Source, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.source: Source | None = source
        self.status = self.unread = 0
        self.headers = NO_HEADERS
        self.decompressor: Decompressor | None = None
        self.error: TransportError | None = None
        self.ended = False
        self.pieces: list[bytes] = []
        self._sink: Callable[[bytes], bool] | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def flow(self, sink: Callable[[bytes], bool]) -> None:
        """Give each piece to ``sink`` as soon as it arrives, until ``sink`` returns false or the response ends.

        This saves a turn of the loop and a task switch for each piece. `read` reports what follows. ``sink`` neither
        waits nor raises.
        """
        if self.decompressor is None and not (self.pieces or self.ended or self.error):
            self._sink = sink
            try:
                await self.changed()
            finally:
                self._sink = None

    def read(self) -> Coroutine[Any, Any, bytes]:
        return self._raw() if self.decompressor is None else self._decoded(self.decompressor)

    def release(self) -> None:
        self.pieces.clear()
        if self.source is not None:
            self.source.drop()

    def end(self) -> None:
        """Note that all of it has arrived. The connection no longer belongs to this response."""
        self.ended = True
        self.source = None
        self.wake()

    def fail(self, error: TransportError) -> None:
        """Note that it broke off. What came before can still be read."""
        if not self.ended and self.error is None:
            self.error = error
            self.source = None
            self.wake()

    def wake(self) -> None:
        if self._sink is not None and self.pieces:
            if self._sink(self._take()) and not (self.ended or self.error):
                return
            self._sink = None
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def changed(self) -> asyncio.Future[None]:
        """What is done as soon as something has changed. One task may wait at a time."""
        self._waiter = self._loop.create_future()
        return self._waiter

    async def _raw(self) -> bytes:
        while not self.pieces:
            if self.ended:
                return b""
            if self.error is not None:
                raise self.error.copy()
            await self.changed()
        return self._take()

    def _take(self) -> bytes:
        pieces = self.pieces
        whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        if self.unread > UNREAD_LIMIT and self.source is not None:
            self.source.resume()
        self.unread = 0
        return whole

    async def _decoded(self, decompressor: Decompressor) -> bytes:
        try:
            while not (out := decompressor.step()):
                piece = await self._raw()
                if not piece:
                    return decompressor.end()
                decompressor.feed(piece)
        except TransportError:
            self.release()
            raise
        await asyncio.sleep(0)  # decompression runs in this thread, so other tasks get a turn between two steps
        return out
