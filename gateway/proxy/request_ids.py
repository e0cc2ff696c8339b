"""Fresh ids for requests and attempts: randomness is fetched from the system for some hundred of them at once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from fairtrial.domain.ids import ENTROPY_BYTES, uuid7_tail, uuid7_time

_BLOCK = 400 * ENTROPY_BYTES


def fresh_id(unix_ms: int) -> str:
    """A new UUID of version 7 for this time; only for the worker's one loop, not for threads beside it."""
    global _last
    if _last[0] != unix_ms:
        _last = unix_ms, uuid7_time(unix_ms)
    return _last[1] + next(_TAILS)


def new_id() -> str:
    """A new one for now."""
    return fresh_id(time.time_ns() // 1_000_000)


def _tails() -> Iterator[str]:
    while True:
        block = os.urandom(_BLOCK)
        yield from [uuid7_tail(block[at : at + ENTROPY_BYTES]) for at in range(0, _BLOCK, ENTROPY_BYTES)]


_TAILS = _tails()
_last = (0, uuid7_time(0))
