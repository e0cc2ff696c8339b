"""Returns the memory of large bodies to the system, because the C library would keep it for the next one."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Iterator
from typing import Any

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Constants of glibc's ``malloc.h``."""

LARGE = 128 * 1024
"""Blocks of this size and above are returned as soon as they are free; pieces of bodies are larger."""

TOP = 2**20
"""Free bytes at the heap's end above which they are returned."""

MOST = 32 * 2**20
"""glibc's own largest value of both: smaller blocks are reused at once."""


class _Thresholds:
    """Which parts of the program requested what, because the thresholds belong to the whole process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.returning = False
        self.keeping = 0


_asked = _Thresholds()


def return_large_blocks() -> None:
    """Fix glibc's two thresholds, which otherwise grow to 32 and 64 MiB with the first large block that is freed.

    Other C libraries have no such call, and stay as they are.
    """
    with _asked.lock:
        _asked.returning = True
        _set(LARGE, TOP)


@contextlib.contextmanager
def keeping_large_blocks() -> Iterator[None]:
    """Keep memory for a computation that makes arrays of one size again and again; it is returned at the end.

    With every array new from the system, 1,000 resamples of 100,000 cases take twice as long.
    """
    with _asked.lock:
        _asked.keeping += 1
        _set(MOST, MOST)
    try:
        yield
    finally:
        with _asked.lock:
            _asked.keeping -= 1
            if _asked.returning and not _asked.keeping:
                _set(LARGE, TOP)
                give_back()


def give_back() -> None:
    """Return what is free now to the system, at the end of something large."""
    _library(lambda library: library.malloc_trim(0))


def _set(mmap: int, trim: int) -> None:
    def tell(library: Any) -> None:
        library.mallopt(M_MMAP_THRESHOLD, mmap)
        library.mallopt(M_TRIM_THRESHOLD, trim)

    _library(tell)


def _library(tell: Any) -> None:
    with contextlib.suppress(OSError, AttributeError):
        tell(ctypes.CDLL(None))
