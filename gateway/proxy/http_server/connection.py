"""A caller's connection: its requests are read, and answered one after another in their order.

A malformed request is refused in OpenAI's envelope, and only after the answers before it; nothing is read any more
behind it. A body that comes too slowly is given up.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from fairtrial.domain.limits.body_rate import BodyWatch
from gateway.proxy.http_server.malformed_requests import refusal
from gateway.proxy.http_server.request_cycle import Turn
from gateway.proxy.http_server.request_heads import HeadReader
from gateway.proxy.http_server.server_state import Clock
from gateway.request_framing import wrong_coding

WAITING_LIMIT = 16
"""Requests that may wait for their turn before no more are read: while reading pauses, a caller leaves unnoticed."""

HEAD_LIMIT = 2**18
"""Bytes that may come without a head being whole."""


class CallerConnection(HeadReader, asyncio.Protocol):
    """See above; ``serve`` is called with each turn when it has come."""

    __slots__ = (
        "_body_watch", "_clock", "_drained", "_malformed", "_paused", "_reading", "_serve", "_transport", "_unsent",
        "_waiting", "full", "idle_since", "reserved", "serving", "write",
    )  # fmt: skip

    def __init__(self, clock: Clock[CallerConnection], serve: Callable[[Turn], None]) -> None:
        super().__init__()
        self._clock, self._serve = clock, serve
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # it comes with connection_made
        self.write: Callable[[bytes], None] = _nowhere
        self._unsent = 0
        self._reading: Turn | None = None
        self._waiting: deque[Turn] = deque()
        self._malformed = self._paused = self.reserved = False
        self._body_watch = BodyWatch()
        self._drained: asyncio.Event | None = None
        self.serving: Turn | None = None
        self.full = False
        self.idle_since = clock.now

    # the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.write = self._transport.write
        room = self._clock.arrived(self, transport.get_extra_info("socket").fileno())
        self.reserved = room == "reserved"
        if room == "none":
            self._transport.abort()

    def connection_lost(self, _: Exception | None) -> None:
        self._clock.connections.discard(self)
        self._waiting.clear()
        self.resume_writing()
        for turn in {self.serving, self._reading} - {None}:
            cast(Turn, turn).leave()
        if self.serving is not None and self.serving.task is not None:
            self._clock.left(self.serving.task)
        self._reading = None

    def data_received(self, data: bytes) -> None:
        """Read requests; one whose body is still to come is served from its head on."""
        if self._malformed:
            return
        rest: bytes | None = data
        try:
            while rest is not None:
                rest = self._feed(rest)
        except httptools.HttpParserError:
            self._refuse()
            return
        if self._unfinished:
            if self._unfinished > HEAD_LIMIT:
                self._refuse()
            self._unfinished += len(data)
        elif self._reading is not None:
            self._body_watch.came += len(data)
            if not self._reading.complete:
                self._queue(self._reading)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        if self._drained is not None:
            self._drained.set()
        if self.serving is None and not self._transport.is_closing():
            self._next()

    # the parser

    def on_headers_complete(self) -> None:
        parser = self._parser
        if parser.should_upgrade():
            return  # the head is read once more, without its offer; CONNECT is not served
        if (wrong := wrong_coding(self._headers.get("transfer-encoding"), self._headers.get("te"))) is not None:
            self._wrong(wrong)
        version = parser.get_http_version()
        turn = Turn(self, parser.get_method(), self._url, self._headers, version)
        turn.keep_alive = version != "1.0" and parser.should_keep_alive()
        self._unfinished, self._reading = 0, turn

    def on_body(self, body: bytes) -> None:
        turn = self._reading
        if turn is not None and not turn.complete:
            turn.add(body)

    def on_message_complete(self) -> None:
        turn = self._reading
        if turn is None:
            return  # the parser believes that a request which offers another protocol has no body
        self._reading = None
        turn.end_body()
        if not turn.complete:
            self._queue(turn)

    # whose turn it is

    def _queue(self, turn: Turn) -> None:
        if turn is self.serving or turn in self._waiting:
            return
        if self.serving is None and not self.full:
            self._begin(turn)
        else:
            self._waiting.append(turn)
            if len(self._waiting) >= WAITING_LIMIT or self.full:
                self._pause()

    def _begin(self, turn: Turn) -> None:
        self.serving = turn
        self._serve(turn)

    def answered(self) -> None:
        """The next request's turn, or the refusal's."""
        turn, self.serving = self.serving, None
        self.idle_since = self._clock.now
        if self._transport.is_closing():
            return
        if turn is not None and not turn.keep_alive:
            self._transport.close()
        elif not self.full:
            self._next()

    def _next(self) -> None:
        """Begin the next request; not while the caller doesn't read, or its answers would fill the memory."""
        if self._waiting:
            self._begin(self._waiting.popleft())
        elif self._malformed:
            self._refuse()
        if self._paused and not self._waiting:
            self._resume()

    @property
    def unsent(self) -> int:
        """Bytes of answers that were given and have not left yet."""
        return self._transport.get_write_buffer_size()

    async def leave(self, *, idle: float) -> None:
        """Wait until what was given has left; a caller that takes none of it for ``idle`` seconds has left itself."""
        before = -1
        while self.full:
            if self.unsent == before:
                self._transport.abort()
                return
            before = self.unsent
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(idle):
                    await self.drain()

    def close_soon(self) -> None:
        """Close after the answer that is being given, or now."""
        if self.serving is None:
            self._transport.close()
        else:
            self.serving.keep_alive = False

    def look_at_body(self, now: float) -> None:
        """Give up a body that comes too slowly: its request is a 408, or its connection ends if that was answered."""
        turn = self._reading
        held_back = self._paused or (turn is not None and turn.uninvited)
        if not self._body_watch.too_slow(turn, self._clock.body_rate, now=now, held_back=held_back):
            return
        assert turn is not None
        turn.give_up_body()
        if turn.complete:
            self._transport.close()

    def end_idle(self, now: float) -> None:
        """Close it, for nobody asks; at once if what it was answered doesn't leave, as with one who never reads."""
        unsent = self._transport.get_write_buffer_size()
        if not unsent:
            self._transport.close()
        elif unsent == self._unsent:
            self._transport.abort()
        self._unsent, self.idle_since = unsent, now

    def _refuse(self) -> None:
        """Once nobody waits for an answer any more; an answer that has begun breaks off, as its request did."""
        self._malformed = True
        unfinished, self._reading = self._reading, None
        if unfinished is not None and unfinished.complete:
            self._transport.close()  # it was answered before its body ended, and there is nobody else to answer
            return
        if unfinished in self._waiting:
            self._waiting.remove(cast(Turn, unfinished))
        serving = self.serving
        if serving is not None and serving is unfinished:
            serving.leave()
        elif serving is not None or self._waiting:
            return
        if self._transport.is_closing():
            return
        if serving is None or not serving.started:
            cors = self._clock.cors
            extra = b"" if cors is None else cors.lines(self._url, self._headers)
            self._transport.write(refusal(self.date, self._why, extra))
        self._transport.close()

    # what turns do with it

    @property
    def date(self) -> bytes:
        return self._clock.date

    def close(self) -> None:
        """Close when what was written has left; nobody is served on it any more."""
        self.serving, self.idle_since = None, self._clock.now
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    async def drain(self) -> None:
        while self.full:
            self._drained = self._drained or asyncio.Event()
            self._drained.clear()
            await self._drained.wait()

    def hold_back(self, *, unread: int) -> None:
        if unread:
            self._pause()
        elif self._paused and not self._waiting:
            self._resume()

    def address(self, name: str) -> tuple[str, int] | None:
        found = self._transport.get_extra_info(name)
        return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        self._paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()


def _nowhere(_: bytes) -> None:
    """Until there is a transport."""
