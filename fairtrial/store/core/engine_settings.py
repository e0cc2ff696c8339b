"""Defines the engine's settings, and how much memory it may use as a share of that of the machine or container."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb

THREADS = 2
CHECKPOINT = "64MB"
"""The size of the write-ahead log at which it is written into the file.

A checkpoint rewrites each table's last row group, so at the engine's 16 MB it costs more CPU than the inserts.
"""
STORAGE_VERSION = "v1.5.0"
"""Every supported release can read the files."""
SHARE = 4
"""The engine gets one part in this many, because all services of one machine share its memory."""
LEAST_MB, USUAL_MB = 256, 640
"""Pages over ten million requests need less than the second value; more would only cache blocks of the file."""
FILE_SHARE = 16
"""A larger store gets one part in this many of its file size."""
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""The files with a container's memory limit, in cgroup versions 2 and 1."""
MIB = 1 << 20


def engine_settings(memory_mb: int | None = None, *, file_bytes: int = 0) -> dict[str, Any]:
    """The engine's settings, for the store and for copies of it. `memory_limit` determines its memory."""
    settings: dict[str, Any] = {
        "memory_limit": memory_limit(memory_mb, file_bytes=file_bytes),
        "threads": THREADS,
        "checkpoint_threshold": CHECKPOINT,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if int(duckdb.__version__.split(".")[0]) >= 2:
        settings["storage_compatibility_version"] = STORAGE_VERSION
    return settings


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
