"""Defines typed ids, makes UUIDs of version 7, and computes the keyed hashes that pseudonyms and arms come from."""

import os
import time
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import NewType

UnitHash = NewType("UnitHash", str)
"""A unit's pseudonym, which is stored instead of a user's or a conversation's name."""

ENTROPY_BYTES = 10
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The digit for four random bits, of which the upper two are replaced by the variant."""

_BLOCK = 400 * ENTROPY_BYTES
"""Bytes of randomness that are fetched from the system at once, because each fetch costs a system call."""

BLOCK = 64


def uuid7(unix_ms: int, entropy: bytes) -> str:
    """A UUID of version 7 (RFC 9562 §5.7), which sorts by time.

    ``unix_ms``: milliseconds since 1970; ``entropy``: ten random bytes, of which 74 bits are used.
    """
    return uuid7_time(unix_ms) + uuid7_tail(entropy)


def uuid7_time(unix_ms: int) -> str:
    """The first half of such a UUID, which holds the time."""
    digits = f"{unix_ms & 0xFFFF_FFFF_FFFF:012x}"
    return f"{digits[:8]}-{digits[8:]}-7"


def uuid7_tail(entropy: bytes) -> str:
    """The second half, which holds the randomness."""
    rest = entropy.hex()
    return f"{rest[1:4]}-{_VARIANT[rest[4]]}{rest[5:8]}-{rest[8:20]}"


def id_at(now_us: int) -> str:
    """A new UUID of version 7 for this time, in microseconds since 1970; safe in any thread."""
    return uuid7(now_us // 1000, os.urandom(ENTROPY_BYTES))


def fresh_id(unix_ms: int) -> str:
    """A new UUID of version 7 for this time. It must be called from one thread only, such as a worker's loop."""
    global _last
    if _last[0] != unix_ms:
        _last = unix_ms, uuid7_time(unix_ms)
    return _last[1] + next(_TAILS)


def new_id() -> str:
    """A new UUID of version 7 for now; see `fresh_id`."""
    return fresh_id(time.time_ns() // 1_000_000)


def _tails() -> Iterator[str]:
    while True:
        block = os.urandom(_BLOCK)
        yield from [uuid7_tail(block[at : at + ENTROPY_BYTES]) for at in range(0, _BLOCK, ENTROPY_BYTES)]


_TAILS = _tails()
_last = (0, uuid7_time(0))


_INNER, _OUTER = (bytes(code ^ pad for code in range(256)) for pad in (0x36, 0x5C))


class KeyedHash:
    """HMAC (RFC 2104) with the result of `hmac.digest`, in less than half the time."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (sha256(key).digest() if len(key) > BLOCK else key).ljust(BLOCK, b"\0")
        self._inner, self._outer = sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))

    def digest(self, message: bytes) -> bytes:
        """The 32-byte digest of one message."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


@lru_cache(maxsize=64)
def keyed_hash(key: str) -> KeyedHash:
    """The hash of a key's UTF-8; a lone surrogate is encoded like any code point."""
    return KeyedHash(key.encode("utf-8", "surrogatepass"))
