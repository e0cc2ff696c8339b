"""The HTTP server's side of an answer, with its head and the first of its body in one write instead of two."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from gateway.proxy.wire import Header

JOINED = 64 * 1024
"""Bytes of a piece that is copied behind the head; a larger one is written by itself."""

_NO_BODY = frozenset({204, 304})
_IN_A_HEADER = bytes(code for code in range(256) if code == 0x09 or (code >= 0x20 and code != 0x7F))
"""All but control characters: what is left of a head without these is its line ends, or it isn't sent."""


class OneWriteCycle(RequestResponseCycle):
    """One request and its answer. The head waits for the first piece of the body; a stream's for a turn of the loop."""

    _bare = False
    """HTTP/1.0 knows no chunks: the body ends with the connection."""

    _held = b""
    _flushing: asyncio.Handle | None = None

    async def send(self, message: Any) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started and message["type"] == "http.response.start":
            self._start(message["status"], message.get("headers", ()))
        elif self.response_started and not self.response_complete and message["type"] == "http.response.body":
            self._piece(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"{message['type']!r} was sent out of its turn")

    def _start(self, status: int, headers: Iterable[Header]) -> None:
        self.response_started = True
        self.waiting_for_100_continue = False
        lines = [STATUS_LINE[status]]
        closes = False
        for name, value in (*self.default_headers, *headers):
            if name == b"content-length" and self.chunked_encoding is None:
                self.expected_content_length, self.chunked_encoding = int(value), False
            elif name == b"transfer-encoding" and value.lower() == b"chunked":
                self.expected_content_length, self.chunked_encoding = 0, True
            elif name == b"connection" and b"close" in value.lower():
                self.keep_alive, closes = False, True
            lines.append(b"%b: %b\r\n" % (name, value))
        unframed = self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in _NO_BODY
        if unframed and self.scope["http_version"] == "1.0":
            self._bare, self.keep_alive = True, False
        if not self.keep_alive and not closes:
            lines.append(b"connection: close\r\n")
        if unframed:
            self.chunked_encoding = True
            lines += [] if self._bare else [b"transfer-encoding: chunked\r\n"]
        head = b"".join(lines)
        if head.translate(None, _IN_A_HEADER) != b"\r\n" * len(lines):
            raise RuntimeError("a header holds a character that may not be in one")
        self._held = head + b"\r\n"
        if self.chunked_encoding:
            self._flushing = asyncio.get_running_loop().call_soon(self._flush)

    def _piece(self, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            self.expected_content_length, body = 0, b""
        elif self.chunked_encoding:
            body = self._chunk(body, more=more)
        elif len(body) > self.expected_content_length:
            raise RuntimeError("the body is longer than its content-length")
        else:
            self.expected_content_length -= len(body)
        self._write(body)
        if not more:
            self._end()

    def _chunk(self, body: bytes, *, more: bool) -> bytes:
        if self._bare:
            return body
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return chunk if more else chunk + b"0\r\n\r\n"

    def _write(self, body: bytes) -> None:
        if self._held and len(body) <= JOINED:
            body, self._held = self._held + body, b""
        self._flush()
        if body:
            self.transport.write(body)

    def _flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        held, self._held = self._held, b""
        if held and not self.transport.is_closing():
            self.transport.write(held)

    def _end(self) -> None:
        if self.expected_content_length != 0:
            raise RuntimeError("the body is shorter than its content-length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
