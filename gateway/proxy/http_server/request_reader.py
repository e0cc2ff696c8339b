"""Reads a request's body whole: within its limit, within what the worker and the caller's key may hold of bodies."""

from __future__ import annotations

from fairtrial.domain.errors import TooLarge, TooSlow
from gateway.proxy.admission.admission import Admission
from gateway.proxy.http_server.request_cycle import Turn
from gateway.proxy.wire.asgi import ClientGone, Message

DRAIN_FACTOR = 4
"""A body that turns out too large is read to its end, up to this many limits, so that the connection stays usable."""


async def read_body(turn: Turn, admission: Admission, *, limit: int) -> bytes:
    """The whole body; a small one mostly came with its head.

    `TooLarge` above ``limit`` bytes, before anything is read where the request says so itself; `TooSlow` when it stops
    or trickles; `ClientGone` when the caller leaves; `RateLimited` or `Overloaded` where it can't be held.
    """
    if not turn.more and turn.unread <= limit:
        return turn.take()
    stated = turn.headers.raw.get("content-length", b"")
    if stated.isdigit() and int(stated) > limit:
        raise _too_large(limit)
    message = await _next(turn)
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        body = await _read_rest(turn, admission, body, limit=limit)
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _read_rest(turn: Turn, admission: Admission, first: bytes, *, limit: int) -> bytes:
    admission.hold(turn, len(first))
    parts, size, more = [first], len(first), True
    while more:
        message = await _next(turn)
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            admission.hold(turn, len(part))
            parts.append(part)
        elif size > limit * DRAIN_FACTOR:
            break
        more = message.get("more_body", False)
    if size > limit:
        raise _too_large(limit)
    return b"".join(parts)


async def _next(turn: Turn) -> Message:
    message = await turn.receive()
    if message["type"] == "http.disconnect":
        raise too_slow() if turn.slow else ClientGone
    return message


def too_slow() -> TooSlow:
    """The error of a body that stopped coming, or came too slowly."""
    return TooSlow(
        "the request body stopped coming or came too slowly, and the connection is closed", code="request_timeout"
    )


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the request body is larger than this gateway's limit of {limit} bytes", code="request_too_large")
