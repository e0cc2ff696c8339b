"""Counts what a writer could not record, in a small file of fixed size that even a full disk lets it overwrite.

It lies beside the segments as ``<uuid7>-<writer>.lost`` and is locked as long as its writer lives. The writer removes
it at the end if nothing was lost.
"""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path

from fairtrial.journal.segment import MODE, file_name
from fairtrial.safe_files import has_writer

SUFFIX = ".lost"
FRESH_SECONDS = 60.0
LINE = "{:>20} {:>20} {:>20}\n"
"""Events lost, syncs refused, and when that last changed (microseconds since 1970, UTC)."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Events that were not recorded and syncs that the disk refused. ``last_us`` is ``None`` if there were none."""

    lost: int = 0
    sync_failures: int = 0
    last_us: int | None = None

    def __add__(self, other: Losses) -> Losses:
        last = [each for each in (self.last_us, other.last_us) if each is not None]
        return Losses(self.lost + other.lost, self.sync_failures + other.sync_failures, max(last, default=None))


class LossCounter:
    """One writer's file. An error with the file is ignored, because the writer holds the counts itself."""

    def __init__(self, folder: Path, writer: str) -> None:
        now_us = time.time_ns() // 1000
        self._path = folder / file_name(now_us, writer, SUFFIX)
        self.noted = (0, 0)
        self._fd: int | None = None
        try:
            self._fd = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, MODE)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(0, 0, 0)
        except OSError:
            self.close()

    @property
    def open(self) -> bool:
        """Whether anything can be written."""
        return self._fd is not None

    def note(self, lost: int, sync_failures: int) -> None:
        """Write the counts if they are new."""
        if self._fd is None or (lost, sync_failures) == self.noted:
            return
        try:
            self._write(lost, sync_failures, time.time_ns() // 1000)
        except OSError:
            return
        self.noted = (lost, sync_failures)

    def close(self) -> None:
        """Close the file, and keep it if it holds any loss."""
        if self._fd is None:
            return
        os.close(self._fd)
        self._fd = None
        if self.noted == (0, 0):
            self._path.unlink(missing_ok=True)

    def _write(self, *numbers: int) -> None:
        assert self._fd is not None
        os.pwrite(self._fd, LINE.format(*numbers).encode(), 0)


def read_losses(folder: Path) -> Losses:
    """The losses of all writers of a folder, including those that have ended."""
    return sum((_read(path) for path in folder.glob(f"*{SUFFIX}")), Losses())


def prune_losses(folder: Path, before_us: int) -> None:
    """Delete the files of ended writers from before that time, and at once those without losses."""
    for path in folder.glob(f"*{SUFFIX}"):
        losses = _read(path)
        if (losses.last_us is None or losses.last_us < before_us) and _is_left(path):
            path.unlink(missing_ok=True)


def _is_left(path: Path) -> bool:
    """Whether its writer has ended. A file that was just created also looks so until it is locked."""
    try:
        age = abs(time.time() - path.stat().st_mtime)  # negative after the clock was set back
        return age > FRESH_SECONDS and not has_writer(path)
    except FileNotFoundError:
        return False


def _read(path: Path) -> Losses:
    try:
        lost, sync_failures, last_us = map(int, path.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return Losses()
    return Losses(lost, sync_failures, last_us or None)
