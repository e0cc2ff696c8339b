"""Computes how much memory the engine may use, as a share of the memory of the machine or container."""

from __future__ import annotations

import os
from pathlib import Path

SHARE = 4
"""The engine gets one part in this many, because all services of one machine share its memory."""
LEAST_MB, USUAL_MB = 256, 640
"""Pages over ten million requests need less than the second value; more would only cache blocks of the file."""
FILE_SHARE = 16
"""A larger store gets one part in this many of its file size."""
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""The files with a container's memory limit, in cgroup versions 2 and 1."""
MIB = 1 << 20


def memory_limit(setting_mb: int | None = None, *, file_bytes: int = 0) -> str:
    """The engine's `memory_limit`: the setting in MiB, or a default for a store of that size.

    The default is 640 MiB or a sixteenth of the file, whichever is more. It is at most a quarter of the memory and at
    least 256 MiB.
    """
    if setting_mb is None:
        needed = max(USUAL_MB, file_bytes // FILE_SHARE // MIB)
        setting_mb = max(LEAST_MB, min(needed, memory_bytes() // SHARE // MIB))
    return f"{setting_mb}MiB"


def memory_bytes() -> int:
    """The most that this process may use: the machine's memory, or its container's limit if that is lower."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *filter(None, map(_limit, CGROUP_LIMITS))])


def _limit(file: Path) -> int:
    """Bytes; 0 if there is no limit."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):  # "max" is not a number
        return 0
