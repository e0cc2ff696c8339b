"""One answer of a pooled connection: the pieces that have arrived, whether they were all, and who waits for more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from gateway.proxy.transport.pool.decoding import Decoder
from gateway.proxy.transport.transport import TransportError
from gateway.proxy.wire.headers import Headers

NO_HEADERS = Headers({})
UNREAD_LIMIT = 2**16
"""Bytes of an answer that wait here for their reader before no more are read."""


class Source(Protocol):
    """The connection that an answer comes from, for as long as it does."""

    def resume(self) -> None:
        """Read on: what had arrived was taken."""
        ...

    def drop(self) -> None:
        """Close at once."""
        ...


class PoolAnswer:
    """See `UpstreamAnswer`; filled by its connection, which it lets go of when the last byte has come."""

    __slots__ = (
        "_loop", "_sink", "_waiter", "decoder", "ended", "error", "headers", "pieces", "source", "status", "unread",
    )  # fmt: skip

    def __init__(self, source: Source, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.source: Source | None = source
        self.status = 0
        self.headers = NO_HEADERS
        self.decoder: Decoder | None = None
        self.error: TransportError | None = None
        self.ended = False
        self.unread = 0
        self.pieces: list[bytes] = []
        self._sink: Callable[[bytes], bool] | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def flow(self, sink: Callable[[bytes], bool]) -> None:
        """Give each piece to ``sink`` in the moment in which it arrives, until that says no or the answer ends.

        It saves a turn of the loop and a task's waking for each piece. What follows is for `read` to tell. ``sink``
        does not wait and does not raise.
        """
        if self.decoder is None and not (self.pieces or self.ended or self.error):
            self._sink = sink
            try:
                await self.wait()
            finally:
                self._sink = None

    async def read(self) -> bytes:
        if self.decoder is None:
            return await self._raw()
        return await self._decoded(self.decoder)

    def release(self) -> None:
        self.pieces.clear()
        if self.source is not None:
            self.source.drop()

    def end(self) -> None:
        """All of it has come; the connection is no longer this answer's."""
        self.ended = True
        self.source = None
        self.wake()

    def fail(self, error: TransportError) -> None:
        """It broke off; what came before can still be read."""
        if not self.ended and self.error is None:
            self.error = error
            self.source = None
            self.wake()

    def wake(self) -> None:
        if self._sink is not None and self.pieces:
            if self._sink(self._take()) and not (self.ended or self.error):
                return
            self._sink = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        """Until something has changed."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def _raw(self) -> bytes:
        while not self.pieces:
            if self.ended:
                return b""
            if self.error is not None:
                raise self.error
            await self.wait()
        return self._take()

    def _take(self) -> bytes:
        pieces = self.pieces
        whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        if self.unread > UNREAD_LIMIT and self.source is not None:
            self.source.resume()
        self.unread = 0
        return whole

    async def _decoded(self, decoder: Decoder) -> bytes:
        try:
            while not (out := decoder.step()):
                piece = await self._raw()
                if not piece:
                    return decoder.end()
                decoder.feed(piece)
        except TransportError:
            self.release()
            raise
        await asyncio.sleep(0)  # unpacking is this thread's own work: others get their turn between two steps
        return out
