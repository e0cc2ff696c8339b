"""Waits for child processes to exit: with pidfd on Linux, by polling elsewhere."""

from __future__ import annotations

import os
import select
import weakref
from collections.abc import Sequence
from contextlib import ExitStack

POLL_SECONDS = 0.1
"""The polling interval where pidfd is not available."""


class ExitWatch:
    """`wait` returns when the first of several processes exits; `wake` ends it from another thread."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        weakref.finalize(self, _close, self._read, self._write)

    def wake(self) -> None:
        """End the current wait, or the next one."""
        os.write(self._write, b"!")

    def wait(self, pids: Sequence[int], seconds: float) -> None:
        """Return when a process has exited, after ``seconds``, or earlier. The caller checks which one has exited."""
        with ExitStack() as stack:
            poll = select.poll()
            poll.register(self._read, select.POLLIN)
            for pid in pids:
                descriptor = _descriptor(pid)
                if descriptor is None:
                    seconds = min(seconds, POLL_SECONDS)
                else:
                    stack.callback(os.close, descriptor)
                    poll.register(descriptor, select.POLLIN)
            if self._read in (ready for ready, _ in poll.poll(1000 * seconds)):
                os.read(self._read, 4096)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _descriptor(pid: int) -> int | None:
    """The process's pidfd; ``None`` if the system has none or the process has been reaped."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
