"""Both transports by name, for tests that hold for either; a request that carries a token, and a whole answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from raw_upstream import Line

from gateway.proxy.headers import Headers
from gateway.proxy.upstream.aiohttp_transport import AiohttpTransport
from gateway.proxy.upstream.pool import PoolTransport
from gateway.proxy.upstream.transport import Transport, TransportError, UpstreamRequest

MAKERS: Mapping[str, Callable[[], Transport]] = {"aiohttp": AiohttpTransport, "pool": PoolTransport}
BOUND = 5.0


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer that was read to its end, in pieces."""

    status: int
    headers: Mapping[str, str]
    pieces: list[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


def request(
    url: str, body: bytes = b"{}", *, method: str = "POST", connect: float = 5.0, **headers: str
) -> UpstreamRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return UpstreamRequest(url, Headers.of({"content-type": "application/json", **named}), body, connect, method)


async def whole(transport: Transport, asked: UpstreamRequest) -> Whole:
    """Send it and read all; `TransportError` wherever that came. Bounded: a hang is a failure."""
    async with asyncio.timeout(BOUND):
        answer = await transport.send(asked)
        pieces = []
        try:
            while piece := await answer.read():
                pieces.append(piece)
        finally:
            answer.release()
        return Whole(answer.status, answer.headers, pieces)


async def failure(transport: Transport, asked: UpstreamRequest) -> str:
    """The kind of the error that this request ends with, ``""`` if it doesn't."""
    try:
        await whole(transport, asked)
    except TransportError as error:
        return error.kind
    return ""


@asynccontextmanager
async def transport_of(name: str) -> AsyncIterator[Transport]:
    made = MAKERS[name]()
    try:
        yield made
    finally:
        await made.close()
        await asyncio.sleep(0.01)


async def echo(line: Line) -> None:
    """Serve a connection: each body comes back."""
    while True:
        await line.answer((await line.asked())[1])
