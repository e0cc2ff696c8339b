"""Decompresses responses a little at a time, so that a small response can't fill the memory."""

from __future__ import annotations

import zlib

from gateway.proxy.transport.transport import TransportError

STEP = 2**18
"""The most bytes that one step decompresses. The response's reader bounds the total."""

GZIP, ZLIB, RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_ZLIB_METHOD = 8
"""The low four bits of zlib's first byte. Some servers send ``deflate`` without zlib's header."""

_REFUSED = frozenset({"br", "zstd"})


def decompressor(encoding: str) -> Decompressor | None:
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
