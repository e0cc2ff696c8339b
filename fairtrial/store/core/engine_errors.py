"""Errors of the engine in our own words: its text names internals, and belongs into the log only."""

from __future__ import annotations

import logging

import duckdb

from fairtrial.domain.errors import StoreError, StoreExhausted
from fairtrial.store.core.damage import is_damage

log = logging.getLogger("fairtrial.store")

EngineError = duckdb.Error
"""What every statement may raise; for the edges, which map it."""

MEMORY = (
    "the store has not enough memory to answer: choose a shorter window of time, or raise `store.memory_mb` "
    "and start control again"
)
DISK = "the disk that holds the store is full: make room on it"
DAMAGED = "the file of the store is damaged"
OTHER = "the store could not answer: the log says why"


def in_words(error: BaseException) -> str:
    """What went wrong and what to do about it; the engine's own text goes to the log. Other errors: their text."""
    if isinstance(error, duckdb.Error):
        log.error("the engine: %s: %s", type(error).__name__, error)
    return words(error)


def words(error: BaseException) -> str:
    """The same for who writes to the log already."""
    if not isinstance(error, duckdb.Error):
        return str(error)
    if "No space left on device" in str(error) or "max_temp_directory_size" in str(error):
        return DISK
    if is_damage(error):
        return DAMAGED
    return MEMORY if isinstance(error, duckdb.OutOfMemoryException) else OTHER


def store_error(error: duckdb.Error, *, advice: str = "") -> StoreError:
    """The error to raise instead; `StoreExhausted` if memory or disk did not suffice."""
    said = in_words(error)
    kind = StoreExhausted if said in (MEMORY, DISK) else StoreError
    return kind(f"{said}\n{advice}" if advice else said)
