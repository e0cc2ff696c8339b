"""Checks the framing that a request's head declares, so that no two readers understand it differently."""

from __future__ import annotations

NOT_HTTP = "the request is not well-formed HTTP/1.1"
TWO_HOSTS = "host: is given twice"


def wrong_coding(transfer_encoding: bytes | None, te: bytes | None) -> str | None:
    """What is wrong with the codings of a head, or ``None``. Only the coding ``chunked`` can be read here.

    Source: RFC 9112 §6.1 and §7.4; a sender does not list ``chunked`` in ``te``.
    """
    if transfer_encoding is not None and transfer_encoding.strip().lower() != b"chunked":
        return "transfer-encoding: only chunked can be read here"
    if te is not None and b"chunked" in te.lower():
        return "te: names chunked, which is always accepted and must not be listed"
    return None
