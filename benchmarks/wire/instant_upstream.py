"""An upstream that answers at once with about 1 KB, on a bare asyncio protocol, for measuring gateways.

The request's body controls it, because every proxy passes the body on. ``"stream": true`` gets ``max_tokens`` events,
one each ``seed`` milliseconds. A ``token-…`` anywhere in a body is returned as the answer's content, so that an answer
of another request is noticed. ``/v1/models`` names the model, for routers that ask for it. ``--delay MS``: how long a
whole answer takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import resource
import socket
import sys
from typing import Any

import httptools
import uvloop

FILLER = "word " * 150
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"bench",'
    b'"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
)
DONE = b"data: [DONE]\n\n"
STREAM = re.compile(rb'"stream":\s*true')
TOKEN = re.compile(rb"token-[0-9a-z]+(?:-[0-9a-z]+)*")
CHUNKS, GAP = re.compile(rb'"max_tokens":\s*(\d{1,4})\b'), re.compile(rb'"seed":\s*(\d{1,4})\b')
DELAY = float(sys.argv[sys.argv.index("--delay") + 1]) / 1000 if "--delay" in sys.argv else 0.0


def answer(content: str) -> bytes:
    """A whole answer with this content."""
    message = {"role": "assistant", "content": content}
    body = json.dumps(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 1,
            "model": "bench",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 200, "completion_tokens": 150, "total_tokens": 350},
        }
    ).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


PLAIN = answer(FILLER)
MODELS = b'{"object":"list","data":[{"id":"bench","object":"model","created":1,"owned_by":"bench"}]}'
MODELS = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(MODELS), MODELS)


def event(token: bytes | None) -> bytes:
    """One event, framed; with a token in place of its word."""
    whole = EVENT if token is None else EVENT.replace(b"word ", token + b" ")
    return framed(whole)


def framed(piece: bytes) -> bytes:
    """A chunk of the transfer encoding."""
    return b"%x\r\n%s\r\n" % (len(piece), piece)


class Instant(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body, self.url = bytearray(), b""
        self.task: asyncio.Task[None] | None = None

    def connection_lost(self, _: Exception | None) -> None:
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        body, self.body = bytes(self.body), bytearray()
        if self.url == b"/v1/models":
            self.transport.write(MODELS)
            return
        token = TOKEN.search(body)
        if STREAM.search(body):
            self.task = asyncio.ensure_future(self._stream(body, token[0] if token else None))
            return
        whole = PLAIN if token is None else answer(token[0].decode())
        if DELAY:
            asyncio.get_running_loop().call_later(DELAY, self._write, whole)
        else:
            self.transport.write(whole)

    def _write(self, whole: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(whole)

    async def _stream(self, body: bytes, token: bytes | None) -> None:
        count, gap = CHUNKS.search(body), GAP.search(body)
        pause, piece = int(gap[1]) / 1000 if gap else 0.0, event(token)
        self.transport.write(HEAD)
        for _ in range(int(count[1]) if count else 3):
            self.transport.write(piece)
            await asyncio.sleep(pause)
        self.transport.write(framed(DONE) + b"0\r\n\r\n")


async def main() -> None:
    """Serve on a free port, which is printed."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = await asyncio.get_running_loop().create_server(Instant, sock=listening, backlog=4096)
    print(listening.getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
