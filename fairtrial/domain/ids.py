"""The names of things: typed ids, and UUIDv7 made from a time and randomness that the caller hands in."""

from __future__ import annotations

from typing import NewType

RequestId = NewType("RequestId", str)
AttemptId = NewType("AttemptId", str)
FeedbackId = NewType("FeedbackId", str)
RunId = NewType("RunId", str)
VerdictId = NewType("VerdictId", str)
KeyId = NewType("KeyId", str)
UnitHash = NewType("UnitHash", str)
"""A unit's pseudonym: what is stored instead of a user's or a conversation's name."""

ENTROPY_BYTES = 10


def uuid7(unix_ms: int, entropy: bytes) -> str:
    """A UUID of version 7 (RFC 9562 §5.7): sorts by time.

    ``unix_ms``: milliseconds since 1970; ``entropy``: ten random bytes, of which 74 bits are used.
    """
    value = (unix_ms & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(entropy[:ENTROPY_BYTES], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
