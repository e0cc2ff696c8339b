"""Logs of child programs, kept from growing for ever: one that is too large is put aside, and only the last few stay.

The program writes on into the same file, which is emptied: it can't be told to open another one.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LARGEST = 8 * 2**20
KEPT = 3
PRIVATE = 0o600


def rotate(log: Path, *, largest: int = LARGEST, kept: int = KEPT) -> bool:
    """Put the log aside as ``.1`` if it is too large; older ones move on, the oldest goes. Raises `OSError`."""
    if not log.exists() or log.stat().st_size <= largest:
        return False
    for number in range(kept, 1, -1):
        younger = _aside(log, number - 1)
        if younger.exists():
            younger.replace(_aside(log, number))
    _copy(log, _aside(log, 1))
    os.truncate(log, 0)  # lines of this very moment may be lost; the program appends, so it goes on at the beginning
    return True


def _aside(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")


def _copy(source: Path, target: Path) -> None:
    fd = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    with source.open("rb") as file, os.fdopen(fd, "wb") as out:
        shutil.copyfileobj(file, out)
