"""Configures DuckDB and its memory, migrates the schema, and rewrites the engine's errors in plain words."""

import logging
import os
from collections.abc import Mapping
from importlib import resources
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
LEDGER = "CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER, name VARCHAR, at_time TIMESTAMP)"
APPLIED = "SELECT coalesce(max(number), 0) FROM schema_migrations"
RECORD = "INSERT INTO schema_migrations (number, name, at_time) VALUES (?, ?, now() AT TIME ZONE 'UTC')"


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
    message = logged_message(error)
    kind = StoreExhausted if message in (MEMORY, DISK) else StoreError
    return kind(f"{message}\n{advice}" if advice else message)


def migrate(connection: duckdb.DuckDBPyConnection, *, until: int | None = None) -> int:
    """Apply the missing migrations and return the schema's number; raises `StoreError` for a newer store.

    ``until``: the last migration to apply, for the schema of an older program.
    """
    connection.execute(LEDGER)
    at = schema_of(connection)
    known = migrations()
    newest = max(known)
    if at > newest:
        raise StoreError(f"the store has schema {at}, of a newer fairtrial (known: up to {newest})")
    missing = sorted(number for number in known if at < number <= (newest if until is None else until))
    # A new store has no rows that could be in the way of a later migration, and one transaction takes half the time.
    for together in [missing] if at == 0 else [[number] for number in missing]:
        _apply(connection, {number: known[number] for number in together})
    if at < newest:
        connection.execute("CHECKPOINT")
    return newest


def migrations() -> dict[int, tuple[str, str]]:
    """The number of each migration, with its name and SQL."""
    folder = resources.files("fairtrial.store").joinpath("migrations")
    files = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return {int(file.name.split("_")[0]): (file.name, file.read_text(encoding="utf-8")) for file in files}


def _apply(connection: duckdb.DuckDBPyConnection, together: Mapping[int, tuple[str, str]]) -> None:
    name = ""
    connection.execute("BEGIN TRANSACTION")
    try:
        for number, (name, sql) in together.items():
            for statement in sql.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(RECORD, [number, name])
        connection.execute("COMMIT")
    except duckdb.Error as error:
        connection.execute("ROLLBACK")
        raise StoreError(f"{name}: the store could not be migrated ({error})") from error


def schema_of(connection: duckdb.DuckDBPyConnection) -> int:
    """The number of the newest migration in this store. The table of migrations must exist."""
    row = connection.execute(APPLIED).fetchone()
    return int(row[0]) if row else 0
