"""The head of a request as bytes, and where it goes; nothing that a caller sends can end a line of it early."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from gateway.proxy.transport.transport import TransportError, UpstreamRequest

PORTS = {"http": 80, "https": 443}
BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods that say nothing of a length when there is no body."""

_FRAMING = frozenset(
    {"content-length", "transfer-encoding", "connection", "keep-alive", "host", "te", "trailer", "upgrade", "expect"}
)
"""Headers of the connection and of the framing: written here alone, whatever a caller passes."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f]")
_END = b"\r\n"
LONG = 512
_KEPT = "/%:@!$&'()*+,;=~-._?"


class Origin(NamedTuple):
    """A server: connections to it may be used for any request to it. A tuple, since it is looked up by each request."""

    host: str
    port: int
    tls: bool


@dataclass(frozen=True, slots=True)
class Target:
    """An origin, and the request line and the host header that go to it."""

    origin: Origin
    start: bytes


def target(method: str, url: str) -> Target:
    """Read a URL; `TransportError` for one that can't be asked. Long ones, with a caller's query, aren't remembered."""
    return _remembered(method, url) if len(url) < LONG else _read(method, url)


@lru_cache(maxsize=1024)
def _remembered(method: str, url: str) -> Target:
    return _read(method, url)


def _read(method: str, url: str) -> Target:
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
    query = parts.query if parts.query.isascii() else quote(parts.query, safe=_KEPT)  # a caller's stays as it came
    path = quote(parts.path or "/", safe=_KEPT) + (f"?{query}" if query else "")
    origin = Origin(host, PORTS[parts.scheme] if port is None else port, parts.scheme == "https")
    return Target(origin, f"{method} {path} HTTP/1.1\r\nhost: {shown}\r\n".encode("latin-1", "strict"))


def head(to: Target, request: UpstreamRequest) -> bytes:
    """The request line and all headers, with the empty line; `TransportError` if a header holds what it can't."""
    length, parts = len(request.body), [to.start]
    for name, value in request.headers.raw.items():
        if begun := _begun(name):
            parts += begun, value, _END
    parts.append(_END if not length and request.method in BODILESS else b"content-length: %d\r\n\r\n" % length)
    whole = b"".join(parts)
    ends = (len(parts) - 2) // 3 + to.start.count(_END) + parts[-1].count(_END)
    if whole.count(b"\n") != ends or whole.count(b"\r") != ends or b"\0" in whole:
        raise _bad_header()
    return whole


@lru_cache(maxsize=4096)
def _begun(name: str) -> bytes:
    """How a header's line begins, b"" where it isn't the caller's to send; `TransportError` if it is no name."""
    if not _TOKEN.fullmatch(name):
        raise _bad_header()
    return b"" if name.lower() in _FRAMING else f"{name}: ".encode()


def _unusable() -> TransportError:
    return TransportError("connect", "the upstream's address can't be used")


def _bad_header() -> TransportError:
    return TransportError("bad_request", "a header of the request can't be sent: it holds a line's end or odd letters")
