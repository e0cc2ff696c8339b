"""Reads requests: heads and paths that can't be read in two ways, and bodies within the limits of worker and key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from unicodedata import normalize
from urllib.parse import quote, unquote_to_bytes

import httptools

from fairtrial.domain.errors import BadRequest, NotFound, RequestError, TooLarge, TooSlow
from fairtrial.domain.names.ids import new_id
from gateway.proxy.admission.admission import Admission
from gateway.proxy.http_server.client_connection import ServerState
from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.wire.http import NAMES, NOT_HTTP, TWO_HOSTS, ClientGone, Message
from gateway.proxy.wire.openai_errors import error_body

SHOWN = 200
"""Characters of a path that an error message repeats."""

NAMES_WITH_SLASHES = b"/v1/models/"
"""Below this prefix the rest is one name. The official client encodes the slashes in it."""

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ENCODED_SLASH = re.compile(rb"%2[fF]")
_SAFE = "-._~!$&'()*+,=:@"
_STRUCTURE = "/\\%;?#."
_SCHEMES = (b"http", b"https")
HEADERS_LIMIT, NAME_LIMIT = 256, 256
"""How many headers a request may have, and how long a header's name may be."""

DRAIN_FACTOR = 4
"""A body that turns out too large is read up to this many limits, so that the connection stays usable."""


@dataclass(frozen=True, slots=True)
class RequestPath:
    """``path``: decoded; ``raw``: the same in its one encoded spelling; ``query``: as it came, without the ``?``."""

    path: str
    raw: bytes
    query: bytes


def read_path(method: bytes, target: bytes) -> RequestPath:
    """The path of a request target; `BadRequest` if servers could read it in different ways."""
    raw, query = _split(target)
    names = method in (b"GET", b"HEAD") and raw.startswith(NAMES_WITH_SLASHES)
    if wrong := _wrong_bytes(raw, slashes=names):
        raise _ambiguous(raw, wrong)
    try:
        path = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise _ambiguous(raw, "is not UTF-8 when it is decoded") from None
    if wrong := _wrong_text(path):
        raise _ambiguous(raw, wrong)
    return RequestPath(path, quote(path, safe="/" + _SAFE).encode(), query)


def shown(path: str) -> str:
    """A path as an error message repeats it."""
    return path[:SHOWN]


def folded(text: str) -> str:
    """The text as a server reads it that ignores case and normalises Unicode."""
    return normalize("NFKC", text).casefold()


def _split(target: bytes) -> tuple[bytes, bytes]:
    """Path and query as they came; of an absolute URL (RFC 9112 §3.2.2) the part behind the host."""
    if b"#" in target:
        raise _ambiguous(target, "has a fragment (#), which is never sent to a server")
    if not target.startswith(b"/"):
        try:
            url = httptools.parse_url(target)
        except httptools.HttpParserInvalidURLError:
            raise _no_path(target) from None
        if (url.schema or b"").lower() not in _SCHEMES:
            raise _no_path(target)
        return url.path or b"/", url.query or b""
    path, _, query = target.partition(b"?")
    return path, query


def _wrong_bytes(raw: bytes, *, slashes: bool) -> str:
    if _BAD_ESCAPE.search(raw):
        return "has a % that does not start an escape"
    if not slashes and _ENCODED_SLASH.search(raw):
        return "has an encoded slash"
    return ""


def _wrong_text(path: str) -> str:
    """What a server would read differently that decodes twice, ignores case, or normalises Unicode."""
    if "%" in path:
        return "changes when it is decoded twice"
    if "\\" in path:
        return "has a backslash"
    if ";" in path:
        return "has parameters (;)"
    if not path.isprintable():
        return "has a control character or an invisible one"
    if not path.isascii():
        plain = normalize("NFKC", path)
        if any(plain.count(sign) != path.count(sign) for sign in _STRUCTURE):
            return "has a character that is a separator when it is normalised"
    for segment in path.split("/"):
        if segment and not segment.strip(". "):
            return "has a dot segment"
        if segment != segment.strip():
            return "has a space at the end of a segment"
    return ""


def _ambiguous(raw: bytes, wrong: str) -> BadRequest:
    return BadRequest(f"path: {shown(raw.decode('latin-1'))!r} {wrong}", code="ambiguous_path")


def _no_path(target: bytes) -> NotFound:
    return NotFound(f"Invalid URL ({shown(target.decode('latin-1'))})", code="unknown_url")


class HeadReader:
    """The parser's callbacks while it reads a head. ``_unfinished``: bytes of an incomplete head."""

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
            return  # trailers are ignored
        self._count += 1
        if self._count > HEADERS_LIMIT:
            self._wrong("too many headers")  # joining many values of one name takes quadratic time
        known, headers = NAMES.get(name), self._headers
        if known is None:
            if len(name) > NAME_LIMIT:
                self._wrong("a header's name is too long")
            known = NAMES.find(name)
        if known not in headers:
            headers[known] = value
        elif known == "host":
            self._wrong(TWO_HOSTS)
        else:
            headers[known] += b", " + value

    def _wrong(self, why: str) -> None:
        self._why = why
        raise httptools.HttpParserError(why)

    def _refusal(self, error: RequestError, server: ServerState[Any]) -> bytes:
        """The whole response to a head that is malformed or does not end."""
        body, cors = error_body(error), server.cors
        extra = b"" if cors is None else cors.lines(self._url, self._headers)
        named = b"content-type: application/json\r\nx-request-id: %b\r\n" % new_id().encode()
        head = b"HTTP/1.1 %d %b\r\n%b%bcontent-length: %d\r\nconnection: close\r\n\r\n"
        return (
            head % (error.status, HTTPStatus(error.status).phrase.encode(), server.date, named + extra, len(body))
            + body
        )

    def _feed(self, data: bytes) -> bytes | None:
        """Parse; returns what must be parsed again, by a new parser, because the client offered another protocol."""
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
    """A parser that lets the first of several requests be answered when they arrive together."""
    parser = httptools.HttpRequestParser(reader)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def head_without_offer(method: bytes, target: bytes, version: str, headers: Mapping[str, bytes]) -> bytes:
    """The head as it came, without ``upgrade`` and without its mention in ``connection``."""
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode())]
    for name, value in headers.items():
        remaining = value
        if name == "connection":
            remaining = b", ".join(part for part in value.split(b",") if part.strip().lower() != b"upgrade")
        if name != "upgrade":
            lines.append(b"%b: %b" % (name.encode("latin-1"), remaining))
    return b"\r\n".join([*lines, b"", b""])


def malformed(why: str) -> BadRequest:
    return BadRequest(f"{why}, and the connection is closed", code="malformed_request")


async def read_body(cycle: RequestCycle, admission: Admission, *, limit: int) -> bytes:
    """The whole body.

    Raises `TooLarge` above ``limit`` bytes, before reading if the request states its length. Raises `TooSlow` if the
    body stops or trickles, `ClientGone` if the client disconnects, and `RateLimited` or `Overloaded` if the memory for
    bodies is exhausted.
    """
    stated = cycle.headers.raw.get("content-length", b"")
    if stated.isdigit() and int(stated) > limit:
        raise _too_large(limit)
    message = await _next(cycle)
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        body = await _read_rest(cycle, admission, body, limit=limit)
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _read_rest(cycle: RequestCycle, admission: Admission, first: bytes, *, limit: int) -> bytes:
    admission.hold(cycle, len(first))
    parts, size, more = [first], len(first), True
    while more:
        message = await _next(cycle)
        part = message.get("body", b"")
        size += len(part)
        if size <= limit:
            admission.hold(cycle, len(part))
            parts.append(part)
        elif size > limit * DRAIN_FACTOR:
            break
        more = message.get("more_body", False)
    if size > limit:
        raise _too_large(limit)
    return b"".join(parts)


async def _next(cycle: RequestCycle) -> Message:
    message = await cycle.receive()
    if message["type"] == "http.disconnect":
        raise too_slow() if cycle.slow else ClientGone
    return message


def too_slow(part: Literal["head", "body"] = "body") -> TooSlow:
    message = f"the request {part} stopped coming or came too slowly, and the connection is closed"
    return TooSlow(message, code="request_timeout")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the request body is larger than this gateway's limit of {limit} bytes", code="request_too_large")
