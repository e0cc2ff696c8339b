"""Compressed answers as they are unpacked: a little at a time, so that a small answer can't fill the memory."""

from __future__ import annotations

import zlib

from gateway.proxy.transport.transport import TransportError

STEP = 2**18
"""Bytes that one step unpacks at most; whoever reads the answer bounds it as a whole."""

GZIP, ZLIB, RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_ZLIB_METHOD = 8
"""The low four bits of zlib's first byte; some servers send ``deflate`` without zlib's head."""

_REFUSED = frozenset({"br", "zstd"})


def decoder(encoding: str) -> Decoder | None:
    """How a content-encoding is read, ``None`` if bytes are passed on as they are; we always ask for identity.

    `TransportError` for encodings that nothing here can read.
    """
    name = encoding.strip().lower()
    if name in ("gzip", "x-gzip"):
        return Decoder(gzip=True)
    if name == "deflate":
        return Decoder(gzip=False)
    if name in _REFUSED:
        raise TransportError("bad_answer", f"the upstream's answer is compressed as {name}, which nobody asked for")
    return None


class Decoder:
    """Takes pieces with `feed`, gives at most `STEP` bytes with each `step`; ``b""`` when it needs another piece."""

    __slots__ = ("_gzip", "_input", "_zlib")

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._input = b""
        self._zlib: zlib._Decompress | None = None

    def feed(self, piece: bytes) -> None:
        self._input = self._input + piece if self._input else piece

    def step(self) -> bytes:
        """`TransportError` for what isn't compressed as it says."""
        while self._input:
            if self._zlib is None or self._zlib.eof:
                if self._zlib is not None and not self._gzip:
                    self._input = b""
                    break
                self._zlib = zlib.decompressobj(self._form())  # the first, or another member of gzip's
            try:
                out = self._zlib.decompress(self._input, STEP)
            except zlib.error as error:
                raise _unreadable() from error
            self._input = self._zlib.unused_data.lstrip(b"\0") if self._zlib.eof else self._zlib.unconsumed_tail
            if out:
                return out
        return b""

    def end(self) -> bytes:
        """What is left; `TransportError` if the compressed bytes ended before their end."""
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
    return TransportError("bad_answer", "the upstream's answer can't be unpacked")
