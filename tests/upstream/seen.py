"""What the fake upstream saw of a request: to the byte, with its moments and the client's departure."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Seen:
    """One request as it came; ``gone`` is set when the client closed before the answer was whole.

    ``head`` is the request line and the headers as bytes; ``raw_body`` the body with its framing, ``body`` without.
    Moments are of `time.monotonic`; ``sent`` counts the bytes of the answer that were written so far.
    """

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    gone: threading.Event = field(default_factory=threading.Event)
    head: bytes = b""
    raw_body: bytes = b""
    connection: int = 0
    at: float = field(default_factory=time.monotonic)
    sent: int = 0
    gone_at: float | None = None
    ended_at: float | None = None

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def raw(self) -> bytes:
        """The whole request as it came."""
        return self.head + self.raw_body

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def left(self) -> None:
        """The client is gone; the first moment counts."""
        if self.gone_at is None:
            self.gone_at = time.monotonic()
        self.gone.set()


async def read_request(reader: asyncio.StreamReader, connection: int) -> Seen:
    """The next request of a connection; `asyncio.IncompleteReadError` at its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (part.partition(":") for part in rest if part)]
    method, path, _ = line.split(" ", 2)
    named = {name.lower(): value for name, value in headers}
    if named.get("transfer-encoding", "").lower() == "chunked":
        body, raw = await _read_chunks(reader)
    else:
        length = int(named.get("content-length", 0))
        body = raw = await reader.readexactly(length) if length else b""
    return Seen(method, path, headers, body, head=head, raw_body=raw, connection=connection)


async def _read_chunks(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    body, raw, size = [], [], 1
    while size:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        content = await reader.readexactly(size + 2)
        body.append(content[:-2])
        raw += [line, content]
    return b"".join(body), b"".join(raw)


async def watch(reader: asyncio.StreamReader, seen: Seen) -> None:
    """Note as soon as the client closes; nothing is read, so that a next request stays whole."""
    while not (reader.at_eof() or reader.exception() or _eof(reader)):  # noqa: ASYNC110 - a reader has no event for it
        await asyncio.sleep(0.01)
    seen.left()


def _eof(reader: asyncio.StreamReader) -> bool:
    return bool(getattr(reader, "_eof", False))
