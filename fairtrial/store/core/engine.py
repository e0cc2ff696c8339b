"""Defines DuckDB's settings, with its share of the memory, and rewrites its errors in plain words."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import duckdb

from fairtrial.domain.errors import StoreError, StoreExhausted

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
log = logging.getLogger("fairtrial.store")
EngineError = duckdb.Error
"""The exception that any statement can raise, for the code at the edges that maps it."""

MEMORY = (
    "the store has not enough memory to answer: choose a shorter time window, or raise `store.memory_mb` "
    "and restart control"
)
DISK = "the disk that holds the store is full: free some space"
DAMAGED = "the store's file is damaged"
DAMAGE_WORDS = ("Corrupt database file", "Could not read enough bytes", "not a valid DuckDB database file")
"""Parts of the messages by which DuckDB reports a file that it did not write in this form."""
OTHER = "the store could not answer; see the log for the reason"


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


def logged_message(error: BaseException) -> str:
    """What went wrong and how to fix it, for users. Logs the engine's message. Other errors keep their text."""
    if isinstance(error, duckdb.Error):
        log.error("the engine: %s: %s", type(error).__name__, error)
    return error_message(error)


def error_message(error: BaseException) -> str:
    """The same without logging, for callers that log the error themselves."""
    if not isinstance(error, duckdb.Error):
        return str(error)
    if "No space left on device" in str(error) or "max_temp_directory_size" in str(error):
        return DISK
    if is_damage(error):
        return DAMAGED
    return MEMORY if isinstance(error, duckdb.OutOfMemoryException) else OTHER


def is_damage(error: duckdb.Error) -> bool:
    """Whether the engine reports that the file is damaged."""
    return any(words in str(error) for words in DAMAGE_WORDS)


def store_error(error: duckdb.Error, *, advice: str = "") -> StoreError:
    """The error to raise instead: `StoreExhausted` if memory or disk space ran out."""
    said = logged_message(error)
    kind = StoreExhausted if said in (MEMORY, DISK) else StoreError
    return kind(f"{said}\n{advice}" if advice else said)
