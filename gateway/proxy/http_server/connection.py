"""Reads the requests of one client connection and serves them one after another, in their order."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from fairtrial.domain.limits.server_settings import BodyWatch
from gateway.proxy.http_server.client_connection import RequestSequence, ServerState
from gateway.proxy.http_server.request_cycle import UNREAD_LIMIT, RequestCycle
from gateway.proxy.http_server.request_reader import HeadReader, malformed, too_slow
from gateway.proxy.wire.http import wrong_coding

WAITING_LIMIT = 16
"""How many requests may wait before reading pauses. While it pauses, a disconnect goes unnoticed."""

HEAD_LIMIT = 2**18
"""Bytes that may arrive before a head is complete."""


class HttpConnection(HeadReader, asyncio.Protocol):
    """One client connection. ``serve`` is called with each request that has arrived, until it sets ``requests``.

    A malformed request gets OpenAI's error envelope, after the responses before it, and nothing behind it is read. A
    body that comes too slowly is given up.
    """

    __slots__ = (
        "_body_watch", "_drained", "_flush", "_held", "_malformed", "_paused", "_reading", "_serve", "_server",
        "_transport", "_unsent", "_waiting", "full", "idle_since", "requests", "reserved", "serving", "write",
    )  # fmt: skip

    def __init__(self, server: "ServerState[HttpConnection]", serve: Callable[[RequestCycle], None]) -> None:
        super().__init__()
        self._server, self._serve = server, serve
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # it comes with connection_made
        self.write: Callable[[bytes], None] = lambda _: None  # until there is a transport
        self._held: list[bytes] | None = None
        self._unsent = 0
        self._reading: RequestCycle | None = None
        self._waiting: deque[RequestCycle] = deque()
        self._malformed = self._paused = self.reserved = False
        self._body_watch = BodyWatch()
        self._drained: asyncio.Event | None = None
        self.serving: RequestCycle | None = None
        self.requests: RequestSequence | None = None
        self.full = False
        self.idle_since = server.now

    # events of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.write = self._transport.write
        room = self._server.arrived(self, transport.get_extra_info("socket").fileno())
        self.reserved = room == "reserved"
        if room == "none":
            self._transport.abort()

    def connection_lost(self, _: Exception | None) -> None:
        self._server.connections.discard(self)
        self._waiting.clear()
        self.resume_writing()
        for cycle in {self.serving, self._reading} - {None}:
            cast(RequestCycle, cycle).on_disconnect()
        if self.serving is not None and self.serving.task is not None:
            self._server.left(self.serving.task)
        if self.requests is not None:
            self.requests.end()
        self._reading = None

    def data_received(self, data: bytes) -> None:
        """Parse requests. One whose body is incomplete is served from its head on."""
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
            if self._unfinished == 1:  # it has just begun, and has all the time of an idle connection
                self.idle_since = self._server.now
            elif self._unfinished > HEAD_LIMIT:
                self._refuse()
            self._unfinished += len(data)
        elif self._reading is not None:
            self._body_watch.came += len(data)
            if not self._reading.complete:
                if self._reading.unread > UNREAD_LIMIT:
                    self._pause()
                self._queue(self._reading)

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        if self._drained is not None:
            self._drained.set()
        if self.serving is None and not self._transport.is_closing():
            self._next()

    # events of the parser

    def on_headers_complete(self) -> None:
        parser = self._parser
        if parser.should_upgrade():
            return  # the head is parsed again without its upgrade offer; CONNECT is not served
        headers = self._headers
        if "transfer-encoding" in headers or "te" in headers:
            wrong = wrong_coding(headers.get("transfer-encoding"), headers.get("te"))
            if wrong is not None:
                self._wrong(wrong)
        version = parser.get_http_version()
        cycle = RequestCycle(self, parser.get_method(), self._url, headers, version)
        cycle.keep_alive = version != "1.0" and parser.should_keep_alive()
        self._unfinished, self._reading = 0, cycle

    def on_body(self, body: bytes) -> None:
        if self._reading is not None and not self._reading.complete:
            self._reading.add(body)

    def on_message_complete(self) -> None:
        cycle = self._reading
        if cycle is None:
            return  # the parser assumes that a request with an upgrade offer has no body
        self._reading = None
        cycle.end_body()
        if not cycle.complete:
            self._queue(cycle)

    # the order of requests

    def _queue(self, cycle: RequestCycle) -> None:
        if cycle is self.serving or cycle in self._waiting:
            return
        if self.serving is None and not self.full:
            self._begin(cycle)
        else:
            self._waiting.append(cycle)
            if len(self._waiting) >= WAITING_LIMIT or self.full:
                self._pause()

    def _begin(self, cycle: RequestCycle) -> None:
        self.serving = cycle
        if self.requests is not None:
            self.requests.begin(cycle)
        else:
            self._serve(cycle)

    def response_complete(self) -> None:
        """Serve the next request, or send the error for a malformed one."""
        cycle, self.serving = self.serving, None
        self.idle_since = self._server.now
        if self._transport.is_closing():
            return
        if cycle is not None and not cycle.keep_alive:
            self._close()
        elif (self._waiting or self._malformed or self._paused) and not self.full:
            self._next()

    def _next(self) -> None:
        """Start the next request, unless the client does not read: its responses would fill the memory."""
        if self._waiting:
            self._begin(self._waiting.popleft())
        elif self._malformed:
            self._refuse()
        if self._paused and not self._waiting:
            self._resume()

    @property
    def unsent(self) -> int:
        """Bytes of responses that were written and not sent yet."""
        return self._transport.get_write_buffer_size()

    async def wait_until_sent(self, *, idle: float) -> None:
        """Wait until the written bytes are sent. A client that reads nothing for ``idle`` seconds is disconnected."""
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
        """Close after the current response, or now if there is none."""
        if self.serving is None:
            self._close()
        else:
            self.serving.keep_alive = False

    def check_body_rate(self, now: float) -> None:
        """Give up a slow body: answer 408, or close the connection if the request was already answered."""
        cycle = self._reading
        held_back = self._paused or (cycle is not None and cycle.awaits_continue)
        if not self._body_watch.too_slow(cycle, self._server.body_rate, now=now, held_back=held_back):
            return
        assert cycle is not None
        cycle.give_up_body()
        if cycle.complete:
            self._close()

    def end_idle(self, now: float) -> None:
        """Close an idle connection, after a 408 if it holds an incomplete head; at once if its client never reads."""
        unsent = self.unsent
        if not unsent:
            if self._unfinished:
                self.write(self._refusal(too_slow("head"), self._server))
            self._close()
        elif unsent == self._unsent:
            self._transport.abort()
        self._unsent, self.idle_since = unsent, now

    def _refuse(self) -> None:
        """Send the error after all earlier responses. A response that has started breaks off, as its request did."""
        self._malformed = True
        unfinished, self._reading = self._reading, None
        if unfinished is not None and unfinished.complete:
            self._close()  # the request was answered before its body ended, and no other one waits
            return
        if unfinished in self._waiting:
            self._waiting.remove(cast(RequestCycle, unfinished))
        serving = self.serving
        if serving is not None and serving is unfinished:
            serving.on_disconnect()
        elif serving is not None or self._waiting:
            return
        if self._transport.is_closing():
            return
        if serving is None or not serving.started:
            self.write(self._refusal(malformed(self._why), self._server))
        self._close()

    # the interface for requests, see `ClientConnection`

    @property
    def date(self) -> bytes:
        return self._server.date

    def close(self) -> None:
        """Close after the written bytes are sent. No further request is served."""
        self.serving, self.idle_since = None, self._server.now
        self._close()

    def abort(self) -> None:
        self._transport.abort()

    def hold(self, flush: Callable[[], None]) -> Callable[[], None]:
        if self._held is None:
            self._held, self._flush = [], flush
            self.write = self._held.append
        return self._release

    def _release(self) -> None:
        held, self._held = self._held, None
        self.write = self._transport.write
        if held and not self._transport.is_closing():
            self.write(b"".join(held))

    def _close(self) -> None:
        """Close once everything is written, also what is held."""
        if self._held is not None:
            self._flush()
        self._transport.close()

    async def drain(self) -> None:
        while self.full:
            self._drained = self._drained or asyncio.Event()
            self._drained.clear()
            await self._drained.wait()

    def resume_reading(self) -> None:
        if self._paused and not self._waiting:
            self._resume()

    def address(self, name: str) -> tuple[str, int] | None:
        pair = self._transport.get_extra_info(name)
        return (str(pair[0]), int(pair[1])) if isinstance(pair, tuple) else None

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        self._paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
