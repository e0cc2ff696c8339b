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
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""Four bits of randomness, of which the upper two give way to the variant."""


def uuid7(unix_ms: int, entropy: bytes) -> str:
    """A UUID of version 7 (RFC 9562 §5.7): sorts by time.

    ``unix_ms``: milliseconds since 1970; ``entropy``: ten random bytes, of which 74 bits are used.
    """
    return uuid7_time(unix_ms) + uuid7_tail(entropy)


def uuid7_time(unix_ms: int) -> str:
    """The first half of such a UUID, which says when."""
    time = f"{unix_ms & 0xFFFF_FFFF_FFFF:012x}"
    return f"{time[:8]}-{time[8:]}-7"


def uuid7_tail(entropy: bytes) -> str:
    """The rest, which says which."""
    rest = entropy.hex()
    return f"{rest[1:4]}-{_VARIANT[rest[4]]}{rest[5:8]}-{rest[8:20]}"
