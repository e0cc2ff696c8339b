"""Writes a request's head as bytes and finds its origin. No value from a client can end a header line early."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from gateway.proxy.transport.transport import TransportError, UpstreamRequest

PORTS = {"http": 80, "https": 443}
BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods that state no length if there is no body."""

_FRAMING = frozenset(
    {"content-length", "transfer-encoding", "connection", "keep-alive", "host", "te", "trailer", "upgrade", "expect"}
)
"""Headers of the connection and of the framing. Only this module writes them; those of a client are dropped."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f]")
_END = b"\r\n"
START_LINES = 2
"""The request line and the host, see `RequestLine`."""

LONG = 512
_KEPT = "/%:@!$&'()*+,;=~-._?"


class Origin(NamedTuple):
    """A server. Its connections serve any request to it. It is a tuple, because each request looks it up."""

    host: str
    port: int
    tls: bool


@dataclass(frozen=True, slots=True)
class RequestLine:
    """An origin, and the request line and the host header for it."""

    origin: Origin
    start: bytes


def request_line(method: str, url: str) -> RequestLine:
    """Read a URL; `TransportError` if it can't be used. Long ones, with a client's query, aren't cached."""
    return _remembered(method, url) if len(url) < LONG else _read(method, url)


@lru_cache(maxsize=1024)
def _remembered(method: str, url: str) -> RequestLine:
    return _read(method, url)


def _read(method: str, url: str) -> RequestLine:
    if _UNSENDABLE.search(url) or not _TOKEN.fullmatch(method):
        raise _unusable()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _unusable() from None
    if parts.scheme not in PORTS or not host or "@" in parts.netloc:
        raise _unusable()
    shown = f"[{host}]" if ":" in host else host
    if port is not None and port != PORTS[parts.scheme]:
        shown += f":{port}"
    query = (
        parts.query if parts.query.isascii() else quote(parts.query, safe=_KEPT)
    )  # a client's query stays as it came
    path = quote(parts.path or "/", safe=_KEPT) + (f"?{query}" if query else "")
    origin = Origin(host, PORTS[parts.scheme] if port is None else port, parts.scheme == "https")
    return RequestLine(origin, f"{method} {path} HTTP/1.1\r\nhost: {shown}\r\n".encode("latin-1", "strict"))


def head(to: RequestLine, request: UpstreamRequest) -> bytes:
    """The request line and all headers, with the empty line; `TransportError` if a header holds a line end or NUL."""
    length = len(request.body)
    lines = [begun + value for name, value in request.headers.raw.items() if (begun := _begun(name))]
    if length or request.method not in BODILESS:
        lines.append(b"content-length: %d" % length)
    lines += b"", b""
    whole = to.start + _END.join(lines)
    ends = START_LINES + len(lines) - 1
    if whole.count(b"\n") != ends or whole.count(b"\r") != ends or b"\0" in whole:
        raise _bad_header()
    return whole


@lru_cache(maxsize=4096)
def _begun(name: str) -> bytes:
    """The start of a header's line, b"" if a client may not send it; `TransportError` for an invalid name."""
    if not _TOKEN.fullmatch(name):
        raise _bad_header()
    return b"" if name.lower() in _FRAMING else f"{name}: ".encode()


def _unusable() -> TransportError:
    return TransportError("connect", "the upstream's address can't be used")


def _bad_header() -> TransportError:
    return TransportError("bad_request", "a request header can't be sent: it holds a line end or an invalid character")
