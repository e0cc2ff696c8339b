"""Holds one request and its response, on a connection that serves one request at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from gateway.proxy.http_server.client_connection import ClientConnection
from gateway.proxy.wire.http import Header, Headers, Message

if TYPE_CHECKING:
    from gateway.proxy.admission.admission import KeyUsage

JOINED = 64 * 1024
"""Bytes of a body that is copied behind the head. A larger one is written separately, which saves the copy."""

UNREAD_LIMIT = 64 * 1024
"""Unread bytes of an incomplete request body, above which reading from the connection pauses."""

_STATUS = {status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus}
_NO_BODY = frozenset({204, 304})
_IN_A_HEADER = bytes(code for code in range(256) if code == 0x09 or (code >= 0x20 and code != 0x7F))
"""All characters except controls. What remains of a valid head without them is exactly its line ends."""


class RequestCycle:
    """One request. ``gone``: the client has disconnected; ``on_gone`` is then called.

    ``more``: the body is incomplete; ``slow``: it was given up. ``expects``: the client waits for ``100 Continue``.
    ``unread``: bytes of the body that have arrived and were not read. ``extra``: more header lines of the response.
    ``use`` and ``held`` belong to `Admission`.

    The hot path reads and answers by the plain methods. `receive` and `send` do the same in ASGI's form, for FastAPI.
    """

    __slots__ = (
        "_chunked", "_event", "_flushing", "_held", "_left", "_parts", "_read", "complete", "connection", "expects",
        "extra", "gone", "headers", "held", "keep_alive", "method", "more", "on_gone", "slow", "started", "target",
        "task", "unread", "use", "version",
    )  # fmt: skip

    def __init__(
        self, connection: ClientConnection, method: bytes, target: bytes, headers: dict[str, bytes], version: str
    ) -> None:
        self.connection = connection
        self.method, self.target, self.version = method, target, version
        self.headers = Headers(headers)
        self.keep_alive = self.more = True
        self.started = self.complete = self.gone = self.slow = self._read = False
        self.extra = self._held = b""
        self.use: KeyUsage | None = None
        self.held = self.unread = self._left = 0
        self.on_gone: Callable[[], None] | None = None
        self.task: asyncio.Task[None] | None = None
        self.expects = "expect" in headers and version != "1.0" and headers["expect"].lower() == b"100-continue"
        self._parts: list[bytes] = []
        self._event: asyncio.Event | None = None
        self._chunked: bool | None = None
        self._flushing: asyncio.Handle | None = None

    def peer(self) -> str | None:
        address = self.connection.address("peername")
        return address and address[0]

    # the request's body

    def add(self, piece: bytes) -> None:
        """Add a piece of the body that the connection has read."""
        self._parts.append(piece)
        self.unread += len(piece)
        if self._event is not None:
            self._event.set()

    def end_body(self) -> None:
        """Note that the body is complete."""
        self.more = False
        if self._event is not None:
            self._event.set()

    @property
    def awaits_continue(self) -> bool:
        """Whether the client waits for ``100 Continue`` before it sends the body."""
        return self.expects and not self.started

    def give_up_body(self) -> None:
        """Give up a slow body. Its reader gets a disconnect, and the connection is closed afterwards."""
        self.slow, self.keep_alive = True, False
        self._wake()

    def on_disconnect(self) -> None:
        """Note that the client has disconnected, or that its request broke off."""
        self.gone = True
        self._wake()
        if self.on_gone is not None:
            on_gone, self.on_gone = self.on_gone, None
            on_gone()

    def read_available(self) -> bytes:
        """The part of the body that has arrived and was not read yet."""
        parts = self._parts
        piece = parts[0] if len(parts) == 1 else b"".join(parts)
        self._parts = []
        if self.unread > UNREAD_LIMIT:
            self.connection.resume_reading()
        self.unread = 0
        return piece

    async def receive(self) -> Message:
        """ASGI's ``receive``: a piece of the body, or a disconnect if the client left, was answered or is slow."""
        if self.expects and not self.started:
            self.expects = False
            self.connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self.gone or self.complete or self.slow):
            if self._parts or not (self.more or self._read):
                piece = self.read_available()
                self._read = not self.more
                return {"type": "http.request", "body": piece, "more_body": self.more}
            self._event = self._event or asyncio.Event()
            self._event.clear()
            await self._event.wait()
        return {"type": "http.disconnect"}

    def _wake(self) -> None:
        if self._event is not None:
            self._event.set()

    # the response

    def answer(self, status: int, lines: Sequence[bytes], body: bytes) -> None:
        """Send a whole response in one write. ``lines``: header lines with their line ends, without the length."""
        if self.gone:
            return
        self._begin(status, lines, length=len(body))
        self._write(b"" if self.method == b"HEAD" else body)
        self._finish()

    def begin(self, status: int, lines: Sequence[bytes]) -> None:
        """Write the head of a response of unknown length. It waits one turn of the loop for the first piece."""
        if not self.gone:
            self._begin(status, lines, length=None)
            if self._chunked is not False:
                self._flushing = asyncio.get_running_loop().call_soon(self._write, b"")

    def write_chunk(self, body: bytes) -> None:
        """Send the next bytes of the response."""
        if self.gone:
            return
        if self._chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if body and not self._held:
                self.connection.write(body)
                return
        elif self._chunked is False:
            self._left -= len(body)
            if self._left < 0:
                raise RuntimeError("the body is longer than its content-length")
        self._write(body)

    def end(self, body: bytes = b"") -> None:
        """Send the last bytes of the response."""
        if self.gone:
            return
        if self._chunked:
            last = b"0\r\n\r\n"
            self._write(b"%x\r\n%b\r\n%b" % (len(body), body, last) if body else last)
        else:
            self.write_chunk(body)
            if self._left > 0:
                raise RuntimeError("the body is shorter than its content-length")
        self._finish()

    def _finish(self) -> None:
        self.complete = True
        self.on_gone = None
        if self._event is not None:
            self._event.set()
        self.connection.response_complete()

    async def send(self, message: Message) -> None:
        """ASGI's ``send``."""
        if self.connection.full and not self.gone:
            await self.connection.drain()
        if self.gone:
            return
        if message["type"] == "http.response.start" and not self.started:
            self._start(message["status"], message.get("headers", ()))
        elif message["type"] == "http.response.body" and self.started and not self.complete:
            body = b"" if self.method == b"HEAD" else message.get("body", b"")
            (self.write_chunk if message.get("more_body", False) else self.end)(body)
        else:
            raise RuntimeError(f"{message['type']!r} was sent out of order")

    def _start(self, status: int, headers: Iterable[Header]) -> None:
        lines, length = [], None
        for name, value in headers:
            if name == b"content-length":
                length = int(value)
            elif name == b"connection" and value.lower() == b"close":
                self.keep_alive = False
            elif name != b"transfer-encoding":
                lines.append(b"%b: %b\r\n" % (name, value))
        if (self.method == b"HEAD" or status == HTTPStatus.NOT_MODIFIED) and length is not None:
            lines.append(b"content-length: %d\r\n" % length)
            length = 0
        if length is None:
            self.begin(status, lines)
        else:
            self._begin(status, lines, length=length)

    def _begin(self, status: int, lines: Sequence[bytes], *, length: int | None) -> None:
        if self.started:
            raise RuntimeError("a response was started twice")
        if self.expects and self.more:
            self.keep_alive = False  # it is unknown whether the body or a next request will follow
        framing = b""
        if self.method == b"HEAD" or (status in _NO_BODY and not length):
            self._chunked = False
        elif length is not None:
            self._chunked, self._left = False, length
            framing = b"content-length: %d\r\n" % length
        elif self.version == "1.0":
            self.keep_alive = False  # HTTP/1.0 has no chunks: the body ends with the connection
        else:
            self._chunked = True
            framing = b"transfer-encoding: chunked\r\n"
        framing += self.extra
        if not self.keep_alive:
            framing += b"connection: close\r\n"
        head = b"".join((_STATUS.get(status) or b"HTTP/1.1 %d \r\n" % status, self.connection.date, *lines, framing))
        if head.translate(None, _IN_A_HEADER) != b"\r\n" * (2 + len(lines) + framing.count(b"\r")):
            raise RuntimeError("a header holds a character that may not be in one")
        self.started = True
        self._held = head + b"\r\n"

    def _write(self, body: bytes) -> None:
        """Write what is held of the head, and a piece of the body."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        if self._held:
            held, self._held = self._held, b""
            if len(body) <= JOINED:
                body = held + body
            else:
                self.connection.write(held)
        if body:
            self.connection.write(body)
