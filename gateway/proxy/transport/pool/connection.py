"""Sends requests on one upstream connection, parses the responses, and decides whether it can be reused."""

import asyncio
import math
import select
import socket
from collections.abc import Callable
from typing import cast

import httptools

from fairtrial.domain.limits.constants import FIRST_ERROR
from gateway.proxy.transport.pool.messages import UNREAD_LIMIT, Origin, PoolResponse, decompressor
from gateway.proxy.transport.tcp import TcpProgress, never_read, patience, tcp_progress
from gateway.proxy.transport.transport import STATUSES, TransportError
from gateway.proxy.wire.http import NAMES, Headers

HEAD_LIMIT = 2**16
HEADERS_LIMIT = 200
SLICE = 2**18
"""Bytes of a request's body that are written at once."""

FRAMING = frozenset({"content-length", "transfer-encoding"})
BODILESS = frozenset({204, 304})
INTERIM = range(100, 200)
SWITCHING = 101
_IDLE, _WAITING, _HEAD, _BODY = range(4)


class PoolConnection(asyncio.Protocol):
    """Belongs to a pool. It calls ``idle`` when it can be reused, and ``gone`` when it can't.

    It can be reused only if the response was whole, nothing came after it, and the request was sent entirely. Any byte
    that arrives while no request is open closes the connection, so a response can never be taken for the next
    request's.
    """

    __slots__ = (
        "_answer", "_base", "_before", "_count", "_framed", "_full", "_gone", "_head", "_headers", "_headless",
        "_idle", "_keep", "_loop", "_overhead", "_parser", "_paused", "_poll", "_sending", "_sent", "_socket",
        "_state", "_transport", "_wrong", "counted", "idle_since", "origin", "patience", "unanswered", "unread",
    )  # fmt: skip

    def __init__(
        self,
        origin: Origin,
        connected: socket.socket,
        idle: "Callable[[PoolConnection], None]",
        gone: "Callable[[PoolConnection], None]",
    ) -> None:
        self.origin = origin
        self._socket, self._loop = connected, asyncio.get_running_loop()
        self._base: TcpProgress | None = None
        self._before = self._sent = 0
        self.idle_since = 0.0
        self.patience = math.inf
        self.counted = True
        self.unanswered = self.unread = False
        self._idle, self._gone = idle, gone
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: PoolResponse | None = None
        self._headers: dict[str, bytes] = {}
        self._state = _IDLE
        self._overhead = self._head = self._count = 0
        self._framed = self._headless = self._keep = self._full = self._paused = self._sending = False
        self._wrong: TransportError | None = None

    async def ask(self, head: bytes, body: bytes, *, headless: bool) -> PoolResponse:
        """Send a request and wait for its response's head; closes if cancelled. ``headless``: a HEAD request."""
        answer = PoolResponse(self, self._loop)
        if self._transport is None:
            raise _closed(None)
        self._answer, self._state, self._headless, self._headers = answer, _WAITING, headless, {}
        self._overhead = self._head = self._count = 0
        self._framed = self._keep = False
        try:
            self._before = self._sent
            self._sent += len(head) + len(body)
            if len(body) <= SLICE:
                self._transport.write(head + body)
            else:
                await self._send(self._transport, head, memoryview(body), answer)
            while not answer.status:
                if answer.error is not None:
                    raise answer.error.copy()
                await answer.changed()
        except BaseException:
            answer.release()
            raise
        return answer

    async def _send(self, transport: asyncio.Transport, head: bytes, body: memoryview, answer: PoolResponse) -> None:
        """Send a large body as fast as it leaves. An error response that comes before its end stops it."""
        self._sending = True
        transport.write(head)
        for start in range(0, len(body), SLICE):
            while self._full and not (answer.status or answer.error):
                await answer.changed()
            if answer.error is not None or answer.ended or answer.status >= FIRST_ERROR:
                return  # it still counts as being sent, so no other request uses this connection
            transport.write(body[start : start + SLICE])
        self._sending = False

    @property
    def lost(self) -> bool:
        """Whether the pool knows that it is gone."""
        return self._transport is None

    def usable(self) -> bool:
        """Whether nothing has arrived while it was idle, not even its end. The kernel knows before the loop does."""
        if self._transport is None or self._transport.is_closing():
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._socket.fileno(), select.POLLIN)
        if self.origin.tls:  # the number of bytes that TLS makes of a request is unknown
            self._base = tcp_progress(self._socket)
        return not self._poll.poll(0)

    def resume(self) -> None:
        """Resume reading, because what had arrived was taken."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def drop(self) -> None:
        """Close at once, and ignore whatever still arrives."""
        self._break(TransportError("reset", "the answer was given up"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._base = tcp_progress(self._socket)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self.drop()
            return
        unread = answer.unread
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse("did not speak HTTP")
        if self._state == _IDLE:
            self._finish(answer)
            return
        self._overhead = self._overhead + len(data) if answer.unread == unread else 0
        if self._overhead > HEAD_LIMIT:
            self._refuse("sent a head without end")
        if self._wrong is not None:
            self._break(self._wrong)
            return
        if answer.unread > UNREAD_LIMIT and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        answer.wake()

    def eof_received(self) -> None:
        answer = self._answer
        self._note_end(in_order=True)
        if self.unanswered:
            self._break(_closed(None))  # no further byte of the request may leave
        elif answer is not None and self._state == _BODY and not self._framed:
            self._answer = None
            answer.end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._note_end(in_order=False)
        self._break(_closed(exc))

    def _note_end(self, *, in_order: bool) -> None:
        """``unanswered``: it ended before a byte of the response; ``unread``: and the request was never read."""
        if self._state == _WAITING and not self._overhead:
            self.unanswered = True
            before = self._base if self.origin.tls or self._base is None else self._base.after(self._before)
            self.unread = never_read(before, tcp_progress(self._socket), in_order=in_order)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._answer is not None:
            self._answer.wake()

    def on_message_begin(self) -> None:
        if self._state == _WAITING:
            self._state = _HEAD
        else:
            self._refuse("sent more than was requested")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count += 1
        self._head += len(name) + len(value)
        if self._count > HEADERS_LIMIT or self._head > HEAD_LIMIT:
            self._refuse("sent too large a head")
        if self._state != _HEAD:
            return  # a trailer, or a header of an unrequested response
        known, headers = NAMES.get(name) or NAMES.find(name), self._headers
        if known in FRAMING:
            if self._framed or (known == "transfer-encoding" and value.strip().lower() != b"chunked"):
                self._refuse("framed its answer in a way that can't be read")
            self._framed = True
        value = value.strip(b" \t")
        headers[known] = headers[known] + b", " + value if known in headers else value

    def on_headers_complete(self) -> None:
        answer, status = self._answer, self._parser.get_status_code()
        if self._state != _HEAD or self._wrong is not None or answer is None:
            return
        if status not in STATUSES:
            if status not in INTERIM or status == SWITCHING:
                self._refuse("gave a status that can't be read")
            return
        self._keep = self._parser.should_keep_alive()
        announced = self._headers.get("keep-alive")
        self.patience = math.inf if announced is None else patience(announced)
        self._framed = self._framed or status in BODILESS
        if (encoding := self._headers.get("content-encoding")) and not self._headless:
            try:
                answer.decompressor = decompressor(encoding.decode("latin-1"))
            except TransportError as error:
                self._wrong = error
                return
        answer.status, answer.headers = status, Headers(self._headers)
        self._state = _IDLE if self._headless else _BODY

    def on_body(self, body: bytes) -> None:
        answer = self._answer
        if self._state == _BODY and answer is not None:
            answer.pieces.append(body)
            answer.unread += len(body)
        else:
            self._refuse("sent more than was requested")

    def on_message_complete(self) -> None:
        if self._state == _BODY:
            self._state = _IDLE
        elif self._state == _HEAD:  # an interim response: the final one follows
            self._state, self._framed, self._headers = _WAITING, False, {}

    def _refuse(self, wrong: str) -> None:
        if self._wrong is None:
            self._wrong = TransportError("bad_answer", f"the upstream {wrong}")

    def _finish(self, answer: PoolResponse) -> None:
        """End a whole response. The connection is reused if nothing about it is in doubt."""
        self._answer = None
        answer.end()
        transport = self._transport
        if transport is None:
            return
        if self._keep and self._wrong is None and not self._sending and not transport.get_write_buffer_size():
            if self._headless:
                self._parser = httptools.HttpResponseParser(self)  # the old one waits for the body
            if self._paused:
                self.resume()
            self._idle(self)
        else:
            self.drop()

    def _break(self, error: TransportError) -> None:
        answer, transport = self._answer, self._transport
        self._answer = self._transport = self._poll = None
        self._state = _IDLE
        if answer is not None:
            answer.fail(error)
        if transport is not None:
            transport.abort()
            self._gone(self)


def _closed(error: Exception | None) -> TransportError:
    return TransportError("reset", f"the upstream broke off ({type(error).__name__ if error else 'closed'})")
