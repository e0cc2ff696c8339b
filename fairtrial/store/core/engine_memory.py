"""How much memory the engine may use: a share of what this machine, or its container, has."""

from __future__ import annotations

import os
from pathlib import Path

SHARE = 4
"""The engine gets one part in so many, because the services of one machine share its memory."""
LEAST_MB, USUAL_MB = 256, 640
"""Pages of ten million requests need less than the second: more memory would only hold blocks of the file."""
FILE_SHARE = 16
"""Larger stores get more: one part in so many of their file."""
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where a container's limit stands, in version 2 and 1 of control groups."""
MIB = 1 << 20


def memory_limit(setting_mb: int | None = None, *, file_bytes: int = 0) -> str:
    """The engine's `memory_limit`: the setting in MiB, or what a store of that size needs.

    That is 640 MiB, or a sixteenth of the file if that is more; at most a quarter of the memory, at least 256 MiB.
    """
    if setting_mb is None:
        needed = max(USUAL_MB, file_bytes // FILE_SHARE // MIB)
        setting_mb = max(LEAST_MB, min(needed, memory_bytes() // SHARE // MIB))
    return f"{setting_mb}MiB"


def memory_bytes() -> int:
    """What this process may use at most: the machine's memory, or the limit of its container if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *filter(None, map(_limit, CGROUP_LIMITS))])


def _limit(file: Path) -> int:
    """Bytes; 0 if there is no limit."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):  # "max" is no number
        return 0
