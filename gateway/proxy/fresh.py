"""Fresh ids for requests and attempts: randomness is fetched from the system for some hundred of them at once."""

from __future__ import annotations

import os
from collections.abc import Iterator

from fairtrial.domain.ids import ENTROPY_BYTES, uuid7

_BLOCK = 400 * ENTROPY_BYTES


def fresh_id(unix_ms: int) -> str:
    """A new UUID of version 7 for this time; only for the worker's one loop, not for threads beside it."""
    return uuid7(unix_ms, next(_ENTROPY))


def _pieces() -> Iterator[bytes]:
    while True:
        block = os.urandom(_BLOCK)
        for at in range(0, _BLOCK, ENTROPY_BYTES):
            yield block[at : at + ENTROPY_BYTES]


_ENTROPY = _pieces()
