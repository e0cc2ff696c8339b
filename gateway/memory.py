"""Gives the memory of large bodies back to the system: by itself the C library keeps it for the next one."""

from __future__ import annotations

import contextlib
import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's ``malloc.h``."""

LARGE = 128 * 1024
"""Blocks from this size on are the system's again as soon as they are free; pieces of bodies are larger."""

TOP = 2**20
"""Free bytes at the heap's end above which they are given back."""


def return_large_blocks() -> None:
    """Fix glibc's two thresholds, which otherwise grow to 32 and 64 MiB with the first large block that is freed.

    Other C libraries have no such call, and are left as they are.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGE)
        library.mallopt(M_TRIM_THRESHOLD, TOP)
