"""A client on one connection that checks status, headers and body of each response with an independent parser."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httptools

from benchmarks.wire.load import connect, request

PATIENCE, TOGETHER = 60.0, 50


@dataclass(slots=True)
class Answer:
    """One response. ``status`` 0: the connection ended before the response was whole."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str:
        """A header's value, or ""."""
        return self.headers.get(name.encode(), b"").decode("latin-1")


class Caller(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.answer = Answer()
        self.over: asyncio.Future[Answer] | None = None
        self.closed = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, raw: bytes) -> asyncio.Future[Answer]:
        """Send; the future is the response, in any case."""
        self.answer, self.over = Answer(), asyncio.get_running_loop().create_future()
        self.transport.write(raw)
        if self.closed:
            self._end()
        return self.over

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answer.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self.answer.body += body

    def on_message_complete(self) -> None:
        self.answer.status = self.parser.get_status_code()
        if not self.parser.should_keep_alive():
            self.closed = True
            self.transport.close()
        self._end()

    def connection_lost(self, _: Exception | None) -> None:
        self.closed = True
        self._end()

    def _end(self) -> None:
        if self.over is not None and not self.over.done():
            self.over.set_result(self.answer)


class Callers:
    """At most so many connections to one port. A request without a free connection waits for one."""

    def __init__(self, port: int, most: int) -> None:
        self.port = port
        self.places: asyncio.LifoQueue[Caller | None] = asyncio.LifoQueue()
        for _ in range(most):
            self.places.put_nowait(None)

    async def open(self) -> Callers:
        """Open all of them, some at a time."""
        opened: list[Caller | None] = []
        while not self.places.empty():
            some = [self.places.get_nowait() for _ in range(min(TOGETHER, self.places.qsize()))]
            opened += await asyncio.gather(*(self._connect() for _ in some))
        for caller in opened:
            self.places.put_nowait(caller)
        return self

    async def ask(self, raw: bytes) -> Answer:
        """One request on a connection that is free, or on a new one in its place."""
        caller = await self.places.get()
        if caller is None or caller.closed:
            caller = await self._connect()
        try:
            return Answer() if caller is None else await asyncio.wait_for(caller.ask(raw), PATIENCE)
        except TimeoutError:
            return Answer()
        finally:
            self.places.put_nowait(None if caller is None or caller.closed else caller)

    async def ask_token(self, token: str, **fields: Any) -> Answer:
        """A request whose correct response has the token in it."""
        return await self.ask(request(messages=[{"role": "user", "content": token}], **fields))

    async def _connect(self) -> Caller | None:
        try:
            caller: Caller = await connect(self.port, Caller)
        except OSError:
            return None
        return caller


def has_token(answer: Answer, token: str) -> bool:
    """Whether a good response belongs to this request."""
    return f'"{token}"'.encode() in answer.body or f'"{token} "'.encode() in answer.body
