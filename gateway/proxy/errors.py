"""The data plane's one mapping from fairtrial's errors to OpenAI's envelope, with the headers that go with them."""

from __future__ import annotations

from typing import Any

import msgspec

from fairtrial.domain.errors import RequestError, TooSlow, Unavailable
from gateway.proxy.wire import JSON_TYPE, Header

NEVER_RETRY = frozenset({"deployment_key_missing", "plan_needs_keys"})
"""Codes of our own 5xx that another try can't change: the official client is told not to try."""

RETRY_AFTER_SECONDS = 1
_ENCODER = msgspec.json.Encoder()


def envelope(message: str, *, kind: str, param: str | None = None, code: str | None = None) -> bytes:
    """OpenAI's error body: ``{"error": {"message", "type", "param", "code"}}``; ``code`` is a string or null."""
    content: dict[str, Any] = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return _ENCODER.encode(content)


def error_body(error: RequestError) -> bytes:
    """The envelope of an error of ours."""
    return envelope(error.message, kind=error.type, param=error.param, code=error.code)


def error_headers(error: RequestError, request_id: str) -> list[Header]:
    """Headers of an error of ours: its request id, and whether and when to try again where we know."""
    headers: list[Header] = [JSON_TYPE, (b"x-request-id", request_id.encode())]
    if error.code in NEVER_RETRY:
        headers.append((b"x-should-retry", b"false"))
    elif isinstance(error, Unavailable):
        headers.append((b"retry-after", b"%d" % RETRY_AFTER_SECONDS))
    elif isinstance(error, TooSlow):
        headers.append((b"connection", b"close"))  # what is still to come of the body would be read as a request
    return headers


def error_event(error: RequestError) -> bytes:
    """An error in the middle of a stream, as a server-sent event; the official client raises `APIError` on it."""
    return b"data: " + error_body(error) + b"\n\n"
