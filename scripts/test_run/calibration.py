"""Measures how fast this machine runs Python, so that CPU seconds of different machines can be compared."""

from __future__ import annotations

import time

ROUNDS = 5
STEPS = 3_000_000
REFERENCE_SECONDS = 0.32
"""What the loop takes on the machine on which the limits of `make test` were set, when it is idle."""


def loop_seconds() -> float:
    """CPU seconds of a fixed loop of dictionary and integer operations; the best of some rounds."""
    return min(_round() for _ in range(ROUNDS))


def _round() -> float:
    start = time.process_time()
    counts: dict[int, int] = {}
    for step in range(STEPS):
        counts[step & 1023] = counts.get(step & 511, 0) + step % 7
    return time.process_time() - start


def slowness(loop: float) -> float:
    """How many times slower than the reference this machine is, by the seconds of its loop."""
    return loop / REFERENCE_SECONDS
