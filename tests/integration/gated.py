"""An upstream whose answers wait for a gate, and a client on bare connections: both ends of many requests at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

LIMIT = 2**24


@dataclass
class GatedUpstream:
    """Begins each answer and ends it once ``gate`` is set; echoes the question. ``held`` counts those that wait."""

    port: int = 0
    held: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    clients: list[Connection] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def connect(self, port: int, key: str | None = None) -> Connection:
        """A client's connection to a gateway, closed at the end."""
        self.clients.append(Connection(*await asyncio.open_connection("127.0.0.1", port, limit=LIMIT), key))
        return self.clients[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                _, _, body = await read_message(reader)
                await self._answer(json.loads(body), writer)
        writer.close()

    async def _answer(self, asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        said = asked["messages"][-1]["content"][:40]
        if asked.get("stream"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            writer.write(_chunk(_event(said, None)))
        await self._wait()
        if asked.get("stream"):
            writer.write(_chunk(_event(" end", "stop")) + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        else:
            message = {"role": "assistant", "content": said}
            whole = json.dumps({"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(whole)}\r\n\r\n"
            writer.write(f"{head}{whole}".encode())
        await writer.drain()

    async def _wait(self) -> None:
        self.held += 1
        await self.gate.wait()
        self.held -= 1


@contextlib.asynccontextmanager
async def gated() -> AsyncIterator[GatedUpstream]:
    upstream = GatedUpstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, limit=LIMIT, backlog=1024)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        upstream.gate.set()
        for client in upstream.clients:
            client.writer.close()
        server.close()
        await asyncio.sleep(0.05)


@dataclass
class Answer:
    """What came: the status, headers by lower-case name, and the body, whatever its framing."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        return json.loads(self.body)["error"]


@dataclass
class Connection:
    """One kept connection to a gateway."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    key: str | None = None

    async def ask(self, said: str, *, stream: bool = False) -> Answer:
        self.send(said, stream=stream)
        return await self.answer()

    def send(self, said: str, *, stream: bool = False) -> None:
        asked = {"model": "base-direct", "messages": [{"role": "user", "content": said}], "stream": stream}
        self._write("POST /v1/chat/completions", json.dumps(asked).encode())

    async def get(self, path: str) -> Answer:
        self._write(f"GET {path}", b"")
        return await self.answer()

    async def get_until(self, path: str, enough: Callable[[Answer], bool]) -> Answer:
        """Ask again and again, until an answer is as it should be; on a new connection where this one is closed.

        A worker that is told to stop and has nothing to do closes it at once; then another one answers.
        """
        where = self.writer.get_extra_info("peername")
        while True:
            try:
                answer = await self.get(path)
            except (asyncio.IncompleteReadError, ConnectionError):
                answer = None
            if answer is not None and enough(answer):
                return answer
            if answer is None or answer.headers.get("connection") == "close":
                self.writer.close()
                with contextlib.suppress(ConnectionError):
                    await self.writer.wait_closed()
                self.reader, self.writer = await asyncio.open_connection(*where)
            await asyncio.sleep(0.02)

    async def answer(self) -> Answer:
        line, headers, body = await read_message(self.reader)
        return Answer(int(line.split(" ")[1]), headers, body)

    async def at_end(self) -> bool:
        return not await self.reader.read(1)

    def _write(self, line: str, body: bytes) -> None:
        head = f"{line} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        head += f"authorization: Bearer {self.key}\r\n" if self.key else ""
        self.writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)


async def read_message(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """First line, headers and body; `IncompleteReadError` where it breaks off."""
    line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (part.partition(":") for part in rest)}
    if headers.get("transfer-encoding") == "chunked":
        parts = []
        while size := int(await reader.readline(), 16):
            parts.append((await reader.readexactly(size + 2))[:-2])
        await reader.readline()
        return line, headers, b"".join(parts)
    return line, headers, await reader.readexactly(int(headers.get("content-length", 0)))


def _event(text: str, reason: str | None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n".encode()


def _chunk(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"
