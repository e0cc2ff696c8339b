"""Measures how fast this machine runs Python, so that CPU seconds of different machines and hours can be compared."""

from __future__ import annotations

import time

STEPS = 200_000
REFERENCE_SECONDS = 0.0213
"""What the loop takes on the machine on which the limits of `make test` were set, while tests keep its cores busy."""


def loop_seconds() -> float:
    """CPU seconds of a fixed loop of dictionary and integer operations."""
    start = time.process_time()
    counts: dict[int, int] = {}
    for step in range(STEPS):
        counts[step & 1023] = counts.get(step & 511, 0) + step % 7
    return time.process_time() - start


def slowness(loops: list[float]) -> float:
    """How many times slower than the reference this machine was, by the seconds of its loops."""
    return sum(loops) / len(loops) / REFERENCE_SECONDS
