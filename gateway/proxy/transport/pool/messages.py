"""Writes a request's head as bytes, and holds its response, which is decompressed as it arrives."""

import asyncio
import re
import zlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

from gateway.proxy.transport.transport import TransportError, UpstreamRequest
from gateway.proxy.wire.http import Headers, NameCache

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

LONG_URL = 512
_UNQUOTED = "/%:@!$&'()*+,;=~-._?"
STEP = 2**18
"""The most bytes that one step decompresses. The response's reader bounds the total."""

GZIP, ZLIB, RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_ZLIB_METHOD = 8
"""The low four bits of zlib's first byte. Some servers send ``deflate`` without zlib's header."""

_REFUSED = frozenset({"br", "zstd"})
NO_HEADERS = Headers({})
UNREAD_LIMIT = 2**16
"""Bytes of an unread response, above which reading from the connection pauses."""


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
    return _remembered(method, url) if len(url) < LONG_URL else _read(method, url)


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
        parts.query if parts.query.isascii() else quote(parts.query, safe=_UNQUOTED)
    )  # a client's query stays as it came
    path = quote(parts.path or "/", safe=_UNQUOTED) + (f"?{query}" if query else "")
    origin = Origin(host, PORTS[parts.scheme] if port is None else port, parts.scheme == "https")
    return RequestLine(origin, f"{method} {path} HTTP/1.1\r\nhost: {shown}\r\n".encode("latin-1", "strict"))


def head(to: RequestLine, request: UpstreamRequest) -> bytes:
    """The request line and all headers, with the empty line; `TransportError` if a header holds a line end or NUL."""
    length, known, headers = len(request.body), _BEGUN.get, request.headers.raw
    lines = [begun + value for name, value in headers.items() if (begun := known(name) or _BEGUN.find(name))]
    if length or request.method not in BODILESS:
        lines.append(b"content-length: %d" % length)
    lines += b"", b""
    whole = to.start + _END.join(lines)
    ends = START_LINES + len(lines) - 1
    if whole.count(b"\n") != ends or whole.count(b"\r") != ends or 0 in whole:
        raise _bad_header()
    return whole


def _begin(name: str) -> bytes:
    """The start of a header's line, b"" if a client may not send it; `TransportError` for an invalid name."""
    if not _TOKEN.fullmatch(name):
        raise _bad_header()
    return b"" if name.lower() in _FRAMING else f"{name}: ".encode()


_BEGUN = NameCache[str, bytes](_begin)


def _unusable() -> TransportError:
    return TransportError("connect", "the upstream's address can't be used")


def _bad_header() -> TransportError:
    return TransportError("bad_request", "a request header can't be sent: it holds a line end or an invalid character")


def decompressor(encoding: str) -> "Decompressor | None":
    """The decoder for a content-encoding, or ``None`` to pass bytes on. The gateway always requests identity.

    Raises `TransportError` for encodings that can't be decoded here.
    """
    name = encoding.strip().lower()
    if name in ("gzip", "x-gzip"):
        return Decompressor(gzip=True)
    if name == "deflate":
        return Decompressor(gzip=False)
    if name in _REFUSED:
        raise TransportError("bad_answer", f"the upstream's answer is compressed as {name}, which was not requested")
    return None


class Decompressor:
    """Takes pieces by `feed` and returns at most `STEP` bytes for each `step`; ``b""`` if it needs another piece."""

    __slots__ = ("_gzip", "_input", "_zlib")

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._input = b""
        self._zlib: zlib._Decompress | None = None

    def feed(self, piece: bytes) -> None:
        self._input = self._input + piece if self._input else piece

    def step(self) -> bytes:
        """Decompress some bytes; `TransportError` if they are malformed."""
        while self._input:
            if self._zlib is None or self._zlib.eof:
                if self._zlib is not None and not self._gzip:
                    self._input = b""
                    break
                self._zlib = zlib.decompressobj(self._form())  # the first member, or another one of gzip
            try:
                out = self._zlib.decompress(self._input, STEP)
            except zlib.error as error:
                raise _unreadable() from error
            self._input = self._zlib.unused_data.lstrip(b"\0") if self._zlib.eof else self._zlib.unconsumed_tail
            if out:
                return out
        return b""

    def end(self) -> bytes:
        """The remaining bytes; `TransportError` if the compressed bytes ended too early."""
        if self._zlib is None:
            return b""
        rest = self._zlib.flush()
        if not self._zlib.eof:
            raise _unreadable()
        return rest

    def _form(self) -> int:
        if self._gzip:
            return GZIP
        return ZLIB if self._input[0] & 0xF == _ZLIB_METHOD else RAW


def _unreadable() -> TransportError:
    return TransportError("bad_answer", "the upstream's answer can't be decompressed")


class ResponseConnection(Protocol):
    """The connection that a response comes from, until its last byte."""

    def resume(self) -> None:
        """Resume reading, because what had arrived was taken."""
        ...

    def drop(self) -> None:
        """Close at once."""
        ...


class PoolResponse:
    """See `UpstreamResponse`. Its connection fills it, and is released with the last byte."""

    __slots__ = (
        "_loop", "_sink", "_waiter", "decompressor", "ended", "error", "headers", "pieces", "source", "status",
        "unread",
    )  # fmt: skip

    def __init__(self, source: ResponseConnection, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.source: ResponseConnection | None = source
        self.status = self.unread = 0
        self.headers = NO_HEADERS
        self.decompressor: Decompressor | None = None
        self.error: TransportError | None = None
        self.ended = False
        self.pieces: list[bytes] = []
        self._sink: Callable[[bytes], bool] | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def flow(self, sink: Callable[[bytes], bool]) -> None:
        """Give each piece to ``sink`` as soon as it arrives, until ``sink`` returns false or the response ends.

        This saves a turn of the loop and a task switch for each piece. `read` reports what follows. ``sink`` neither
        waits nor raises.
        """
        if self.decompressor is None and not (self.pieces or self.ended or self.error):
            self._sink = sink
            try:
                await self.changed()
            finally:
                self._sink = None

    def read(self) -> Coroutine[Any, Any, bytes]:
        return self._raw() if self.decompressor is None else self._decoded(self.decompressor)

    def release(self) -> None:
        self.pieces.clear()
        if self.source is not None:
            self.source.drop()

    def end(self) -> None:
        """Note that all of it has arrived. The connection no longer belongs to this response."""
        self.ended = True
        self.source = None
        self.wake()

    def fail(self, error: TransportError) -> None:
        """Note that it broke off. What came before can still be read."""
        if not self.ended and self.error is None:
            self.error = error
            self.source = None
            self.wake()

    def wake(self) -> None:
        if self._sink is not None and self.pieces:
            if self._sink(self._take()) and not (self.ended or self.error):
                return
            self._sink = None
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def changed(self) -> asyncio.Future[None]:
        """What is done as soon as something has changed. One task may wait at a time."""
        self._waiter = self._loop.create_future()
        return self._waiter

    async def _raw(self) -> bytes:
        while not self.pieces:
            if self.ended:
                return b""
            if self.error is not None:
                raise self.error.copy()
            await self.changed()
        return self._take()

    def _take(self) -> bytes:
        pieces = self.pieces
        whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        if self.unread > UNREAD_LIMIT and self.source is not None:
            self.source.resume()
        self.unread = 0
        return whole

    async def _decoded(self, decompressor: Decompressor) -> bytes:
        try:
            while not (out := decompressor.step()):
                piece = await self._raw()
                if not piece:
                    return decompressor.end()
                decompressor.feed(piece)
        except TransportError:
            self.release()
            raise
        await asyncio.sleep(0)  # decompression runs in this thread, so other tasks get a turn between two steps
        return out
