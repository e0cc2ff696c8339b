"""Heads that are not served as they are: one that offers another protocol, and the answer to one that is malformed."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.proxy.request_ids import new_id
from gateway.proxy.wire.openai_errors import envelope


def head_without_offer(method: bytes, target: bytes, version: str, headers: Mapping[str, bytes]) -> bytes:
    """The head as it came, but for ``upgrade`` and its mention in ``connection``."""
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode())]
    for name, value in headers.items():
        kept = value
        if name == "connection":
            kept = b", ".join(part for part in value.split(b",") if part.strip().lower() != b"upgrade")
        if name != "upgrade":
            lines.append(b"%b: %b" % (name.encode("latin-1"), kept))
    return b"\r\n".join([*lines, b"", b""])


def refusal(date: bytes, why: str, extra: bytes = b"") -> bytes:
    """The whole answer to what is no HTTP; ``date``: that header, with its line's end; ``extra``: more of them."""
    body = envelope(f"{why}, and the connection is closed", kind="invalid_request_error", code="malformed_request")
    named = b"content-type: application/json\r\nx-request-id: %b\r\n" % new_id().encode()
    head = b"HTTP/1.1 400 Bad Request\r\n%b%bcontent-length: %d\r\nconnection: close\r\n\r\n"
    return head % (date, named + extra, len(body)) + body
