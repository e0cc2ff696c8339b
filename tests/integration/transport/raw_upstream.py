"""A server of nothing but bytes, on the test's own loop: each connection is handed to a function of the test."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import struct
from collections.abc import Awaitable, Callable
from socket import SO_LINGER, SOL_SOCKET

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
GOOD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"


class Line:
    """One connection, from the server's side; ``number`` counts them from one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader, self.writer, self.number = reader, writer, number

    async def asked(self) -> tuple[bytes, bytes]:
        """The next request's head and body; `EOFError` when there is none."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        found = LENGTH.search(head)
        return head, await self.reader.readexactly(int(found[1])) if found else b""

    async def say(self, *pieces: bytes) -> None:
        """Send pieces, each in a packet of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0.0005 if len(pieces) > 1 else 0)

    async def answer(self, body: bytes) -> None:
        await self.say(GOOD % (len(body), body))

    async def gone(self) -> None:
        """Until the other side has closed."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(2**16):
                pass

    def reset(self) -> None:
        self.writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Serving = Callable[[Line], Awaitable[None]]


class RawUpstream:
    """``serving`` is called for each connection, which is closed when it returns; a context manager."""

    def __init__(self, serving: Serving, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.connections = 0
        self.port = 0
        self._serving, self._tls, self._host = serving, tls, host
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"

    async def __aenter__(self) -> RawUpstream:
        self._server = await asyncio.start_server(self._one, self._host, 0, ssl=self._tls, limit=2**27, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        with contextlib.suppress(ConnectionError, EOFError, asyncio.CancelledError):
            await self._serving(Line(reader, writer, self.connections))
        with contextlib.suppress(Exception):
            writer.close()
