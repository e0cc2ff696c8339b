"""How the fake upstream writes: heads, chunks and their ends, proper and improper, every byte counted."""

from __future__ import annotations

import asyncio
import base64
import socket
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from tests.upstream.seen import Seen

STALL_SECONDS = 3600.0
Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class Wire:
    """A stream writer that counts what it sends for one request after another."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.transport = writer.transport
        self.seen: Seen | None = None

    def write(self, data: bytes) -> None:
        if self.seen is not None:
            self.seen.sent += len(data)
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()

    def get_extra_info(self, name: str) -> Any:
        return self._writer.get_extra_info(name)


Writer = Wire | asyncio.StreamWriter


def write_head(writer: Writer, status: int, headers: Headers, length: int | None, *, reason: str = "Fake") -> None:
    """Status line and headers; ``length`` ``None`` is chunked, below 0 is until the connection's end."""
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    if length is None:
        pairs.append(("transfer-encoding", "chunked"))
    elif length >= 0:
        pairs.append(("content-length", str(length)))
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in pairs)]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


def chunk(piece: bytes) -> bytes:
    """One piece in chunked framing."""
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n"


async def write_end(then: str, writer: Writer) -> None:
    """How a chunked answer ends: ``end``, ``reset``, ``stall``, or ``close`` without its last chunk."""
    if then == "reset":
        await asyncio.sleep(0.05)
        reset(writer)
    if then == "stall":
        await stall(writer)
    if then == "close":
        await hang_up(writer)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def stall(writer: Writer) -> None:
    """Say nothing more, and keep the connection."""
    await writer.drain()
    await asyncio.sleep(STALL_SECONDS)


async def hang_up(writer: Writer) -> None:
    """Close as a server does that has ended."""
    await writer.drain()
    writer.close()
    raise ConnectionResetError


def reset(writer: Writer) -> None:
    """Break the connection off with a RST."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise ConnectionResetError


def payload(script: Mapping[str, Any], name: str) -> bytes:
    """Bytes of a script: ``name`` as bytes or text, or ``name_b64``, each times ``name_times``."""
    given = script.get(name, b"")
    data = given if isinstance(given, bytes) else given.encode("utf-8", "surrogatepass")
    if f"{name}_b64" in script:
        data = base64.b64decode(script[f"{name}_b64"])
    return data * script.get(f"{name}_times", 1)
