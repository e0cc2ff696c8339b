"""Defines ASGI's types, and sends whole responses by it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any

from gateway.proxy.wire.headers import Headers

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON_TYPE: Header = (b"content-type", b"application/json")
JSON_LINE = b"content-type: application/json\r\n"


class ClientGone(Exception):
    """The client disconnected before its request was complete."""


def header_map(scope: Scope) -> Headers:
    """The request's headers. The server gives each name once, in lower case."""
    return Headers({name.decode("latin-1"): value for name, value in scope["headers"]})


def lines_of(headers: Iterable[Header]) -> list[bytes]:
    """Headers as lines of a head, each with its line end."""
    return [b"%b: %b\r\n" % header for header in headers]


async def send_whole(send: Send, status: int, body: bytes, *, headers: Sequence[Header]) -> None:
    """Send one response with its length. ``headers`` must not hold the length."""
    sized = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body})
