"""Reads the heads of one connection's requests: their headers are bounded, and none may be read in two ways.

A request that offers HTTP/2 or WebSocket by ``upgrade``, as Java's own client does with every one, is read once more
without its offer.
"""

from __future__ import annotations

import httptools

from gateway.proxy.http_server.malformed_requests import head_without_offer
from gateway.proxy.wire.headers import NAMES, lower
from gateway.request_framing import NOT_HTTP, TWO_HOSTS

HEADERS_LIMIT, NAME_LIMIT = 256, 256
"""How many headers, and bytes of a header's name."""


class HeadReader:
    """What a parser calls while it reads a head; ``_unfinished``: bytes of a head that is not whole yet."""

    __slots__ = ("_count", "_headers", "_parser", "_unfinished", "_url", "_why")

    def __init__(self) -> None:
        self._parser = _parser(self)
        self._url = b""
        self._headers: dict[str, bytes] = {}
        self._unfinished = self._count = 0
        self._why = NOT_HTTP

    def on_message_begin(self) -> None:
        self._url, self._headers, self._unfinished, self._count = b"", {}, 1, 0

    def on_url(self, url: bytes) -> None:
        self._url = self._url + url if self._url else url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._unfinished:
            return  # a trailer, which nobody reads
        self._count += 1
        if self._count > HEADERS_LIMIT:
            self._wrong("too many headers")  # joining many of one name takes quadratic time
        known, headers = NAMES.get(name), self._headers
        if known is None:
            if len(name) > NAME_LIMIT:
                self._wrong("a header's name is too long")
            known = lower(name)
        if known not in headers:
            headers[known] = value
        elif known == "host":
            self._wrong(TWO_HOSTS)
        else:
            headers[known] += b", " + value

    def _wrong(self, why: str) -> None:
        self._why = why
        raise httptools.HttpParserError(why)

    def _feed(self, data: bytes) -> bytes | None:
        """Parse; what is to be parsed again, by a parser of its own, where a client offered another protocol."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if self._parser.get_method() == b"CONNECT":
                raise httptools.HttpParserError("CONNECT") from None
            method, version = self._parser.get_method(), self._parser.get_http_version()
            again = head_without_offer(method, self._url, version, self._headers) + data[offer.args[0] :]
            self._parser = _parser(self)
            return again
        return None


def _parser(reader: HeadReader) -> httptools.HttpRequestParser:
    """One that lets an answer be given to the first of several requests that came at once."""
    parser = httptools.HttpRequestParser(reader)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
