"""Counts what a part of a trial spends in one small file, which all workers lock for a moment and control reads."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, replace
from pathlib import Path

from fairtrial.domain.limits.spending import Limit, Spent
from fairtrial.safe_files import PRIVATE

_FORM = struct.Struct("<6q")


class SpendingBusy(Exception):
    """Another worker holds the file, or the disk is full. It never waits, because it runs on the event loop."""


class SpendingFile:
    """The file of one part. What a killed worker has reserved stays spent, because the call may have cost it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def reserve(self, limit: Limit, call: Spent) -> bool:
        """Count a call before it is made; false if it must not be made, because of the limit. `SpendingBusy`."""
        with self._locked() as spent:
            before = spent.on(call.day)
            after = before.plus(call)
            allowed = before.reached != call.day and not after.exceeds(limit)
            if allowed or before.reached != call.day:
                self._write(after if allowed else replace(before, reached=call.day))
            return allowed

    def settle(self, reserved: Spent, actual: Spent) -> None:
        """Replace what was reserved by what the call has cost. `SpendingBusy`."""
        with self._locked() as spent:
            self._write(spent.plus(reserved, -1).plus(actual))

    def spent(self) -> Spent:
        """What was spent so far; raises `OSError`."""
        return self._read() if self._path.exists() else Spent()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @contextmanager
    def _locked(self) -> Iterator[Spent]:
        try:
            fd = self._open()
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                yield self._read()
            finally:
                fcntl.flock(fd, fcntl.LOCK_UN)
        except OSError as error:
            raise SpendingBusy from error

    def _open(self) -> int:
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        return self._fd

    def _read(self) -> Spent:
        content = os.pread(self._open(), _FORM.size, 0)
        return Spent(*_FORM.unpack(content)) if len(content) == _FORM.size else Spent()

    def _write(self, spent: Spent) -> None:
        """In one call of the system, which a killed process has made or not."""
        os.pwrite(self._open(), _FORM.pack(*astuple(spent)), 0)
