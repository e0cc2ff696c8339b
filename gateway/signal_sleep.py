"""Sleeps until a signal arrives, also that of a child which has ended; for the main thread."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType
from typing import Self


class SignalSleep:
    """Within the context, Python writes a byte into a pipe for each signal that has a handler, and SIGCHLD has one."""

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._child_before = signal.signal(signal.SIGCHLD, _note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGCHLD, self._child_before or signal.SIG_DFL)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._read)
        os.close(self._write)

    def until_signal(self, seconds: float) -> None:
        """Return after so many seconds, or as soon as a signal has arrived since the last call."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        if poll.poll(1000 * seconds):
            os.read(self._read, 4096)


def _note(_signal: int, _frame: FrameType | None) -> None:
    """Does nothing. SIGCHLD needs a handler, because without one it is ignored and wakes nothing."""
