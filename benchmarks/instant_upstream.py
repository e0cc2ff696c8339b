"""An upstream that answers at once with about 1 KB, on a bare asyncio protocol: what a gateway is measured against.

``stream: true`` gets ``x-chunks`` events, one each ``x-gap-ms`` milliseconds (headers of the request).
"""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import httptools
import uvloop

ANSWER = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 150}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 200, "completion_tokens": 150, "total_tokens": 350},
    }
).encode()
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)
EVENT = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
DONE = b"data: [DONE]\n\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Instant(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.headers: dict[bytes, bytes] = {}
        self.task: asyncio.Task[None] | None = None

    def connection_lost(self, _: Exception | None) -> None:
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.startswith(b"x-"):
            self.headers[name.lower()] = value

    def on_message_complete(self) -> None:
        if b"x-chunks" in self.headers:
            self.task = asyncio.ensure_future(self._stream())
        else:
            self.transport.write(WHOLE)

    async def _stream(self) -> None:
        count, gap = int(self.headers[b"x-chunks"]), float(self.headers[b"x-gap-ms"]) / 1000
        self.transport.write(HEAD)
        for piece in [EVENT] * count + [DONE]:
            self.transport.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await asyncio.sleep(gap)
        self.transport.write(b"0\r\n\r\n")


async def main() -> None:
    """Serve on a free port, which is printed."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = await asyncio.get_running_loop().create_server(Instant, sock=listening)
    print(listening.getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
