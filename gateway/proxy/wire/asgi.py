"""ASGI as the hot path speaks it: what a request declares of itself, and sending whole answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any

from fairtrial.domain.errors import BadRequest
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
    """The caller closed the connection before its request was whole."""


def header_map(scope: Scope) -> Headers:
    """The request's headers; the server names them in lower case, and each once."""
    return Headers({name.decode("latin-1"): value for name, value in scope["headers"]})


def require_json(headers: Headers) -> None:
    """Refuse a body that is not declared as plain JSON: it also keeps foreign web pages from posting to loopback."""
    if headers.raw.get("content-type") == b"application/json" and "content-encoding" not in headers.raw:
        return
    declared = headers.text("content-type").partition(";")[0].strip().lower()
    if declared != "application/json" and not declared.endswith("+json"):
        raise BadRequest(
            f"content-type: {declared or 'none'} can't be read here (send application/json)",
            code="unsupported_content_type",
        )
    if headers.text("content-encoding").lower() not in ("", "identity"):
        raise BadRequest(
            "content-encoding: compressed bodies can't be read here (send identity)",
            code="unsupported_content_encoding",
        )


def lines_of(headers: Iterable[Header]) -> list[bytes]:
    """Headers as they stand in a head, each with its line's end."""
    return [b"%b: %b\r\n" % header for header in headers]


async def send_whole(send: Send, status: int, body: bytes, *, headers: Sequence[Header]) -> None:
    """Send one answer, with its length; ``headers`` without content-length."""
    sized = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": sized})
    await send({"type": "http.response.body", "body": body})
