"""Rewrites the engine's errors in plain words, because its own messages name internals and belong only in the log."""

from __future__ import annotations

import logging

import duckdb

from fairtrial.domain.errors import StoreError, StoreExhausted

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
