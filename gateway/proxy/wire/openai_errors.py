"""Maps fairtrial's errors to OpenAI's error envelope and to the headers that belong to them."""

from typing import Any

import msgspec

from fairtrial.domain.errors import RateLimited, RequestError, Unavailable, UpstreamUnavailable
from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.wire.http import JSON_TYPE, Header
from gateway.proxy.wire.sse import as_event

NEVER_RETRY = frozenset({"deployment_key_missing", "plan_needs_keys"})
"""Codes of the gateway's own 5xx errors that a retry can't change, so the official client must not retry."""

RETRY_AFTER_SECONDS = 1
_ENCODER = msgspec.json.Encoder()


class _Error(msgspec.Struct):
    error: Any


_ERROR = msgspec.json.Decoder(_Error)


def envelope(message: str, *, kind: str, param: str | None = None, code: str | None = None) -> bytes:
    """OpenAI's error body: ``{"error": {"message", "type", "param", "code"}}``; ``code`` is a string or null."""
    content: dict[str, Any] = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return _ENCODER.encode(content)


def error_body(error: RequestError) -> bytes:
    """The envelope of one of the gateway's errors."""
    return envelope(error.message, kind=error.type, param=error.param, code=error.code)


def error_headers(error: RequestError, request_id: str) -> list[Header]:
    """The headers of one of the gateway's errors: its request id, and whether and when to retry if that is known."""
    headers: list[Header] = [JSON_TYPE, (b"x-request-id", request_id.encode())]
    if error.code in NEVER_RETRY:
        headers.append((b"x-should-retry", b"false"))
    elif isinstance(error, RateLimited | Unavailable):
        headers.append((b"retry-after", b"%d" % RETRY_AFTER_SECONDS))
    elif isinstance(error, UpstreamUnavailable):
        headers += (b"retry-after", b"%d" % error.retry_after), (b"x-should-retry", b"true")
    return headers


def error_event(error: RequestError, *, number: int | None = None) -> bytes:
    """One of the gateway's errors in the middle of a stream, as a server-sent event; see `body_event`."""
    return body_event(error_body(error), number=number)


def body_event(body: bytes, *, number: int | None = None) -> bytes:
    """The body of an error as a server-sent event. The official client raises `APIError` on it.

    ``number``: its ``sequence_number`` in a stream of the Responses API, whose events also have a type and a name.
    """
    if number is None or excess(body, DECODED) is not None:
        return as_event(body)
    try:
        error = _ERROR.decode(body).error
        fields = error if isinstance(error, dict) else {"message": str(error)}
        named = {name: fields.get(name) for name in ("code", "message", "param")}
        whole = _ENCODER.encode({"type": "error", "sequence_number": number, **named, "error": fields})
    except (msgspec.DecodeError, UnicodeError):
        return as_event(body)  # a lone surrogate stays as the upstream wrote it
    return b"event: error\n" + as_event(whole)
