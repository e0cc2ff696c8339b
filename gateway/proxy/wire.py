"""ASGI as the hot path speaks it: reading a body with a limit, and sending whole answers; no framework in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any

from fairtrial.domain.errors import BadRequest, TooLarge, TooSlow
from gateway.proxy.headers import Headers
from gateway.proxy.time_limit import TimeLimit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON_TYPE: Header = (b"content-type", b"application/json")
JSON_LINE = b"content-type: application/json\r\n"
DRAIN_FACTOR = 4
"""A body that is too large is read to its end, up to this many limits, so that the connection stays usable."""


BODY_SECONDS = 30.0
"""How long a body may stop coming: a caller that never sends it must not keep one of the worker's places."""


class ClientGone(Exception):
    """The caller closed the connection before its request was whole."""


def header_map(scope: Scope) -> Headers:
    """The request's headers; the server names them in lower case, and each once."""
    return Headers({name.decode("latin-1"): value for name, value in scope["headers"]})


async def read_body(receive: Receive, *, limit: int, patience: float = BODY_SECONDS) -> bytes:
    """The whole request body; `TooLarge` above ``limit`` bytes, `ClientGone` when the caller leaves.

    `TooSlow` when no byte of it comes for ``patience`` seconds.
    """
    message = await _next(receive, patience)
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        body = await _read_rest(receive, body, limit=limit, patience=patience)
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _read_rest(receive: Receive, first: bytes, *, limit: int, patience: float) -> bytes:
    parts, size, more = [first], len(first), True
    while more:
        message = await _next(receive, patience)
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            parts.append(part)
        elif size > limit * DRAIN_FACTOR:
            break
        more = message.get("more_body", False)
    if size > limit:
        raise _too_large(limit)
    return b"".join(parts)


async def _next(receive: Receive, patience: float) -> Message:
    try:
        with TimeLimit(patience):
            message = await receive()
    except TimeoutError:
        raise TooSlow(
            f"the request body stopped coming for {patience:g} s, and the connection is closed", code="request_timeout"
        ) from None
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the request body is larger than this gateway's limit of {limit} bytes", code="request_too_large")


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
