"""Waiting for the end of child processes: the kernel's process descriptors on Linux, looking often elsewhere."""

from __future__ import annotations

import os
import select
import weakref
from collections.abc import Sequence
from contextlib import ExitStack

LOOK_SECONDS = 0.1
"""Between two looks where the kernel doesn't tell."""


class ExitWatch:
    """`wait` for the first of some processes that ends; `wake` ends the wait from another thread."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        weakref.finalize(self, _close, self._read, self._write)

    def wake(self) -> None:
        """End this wait, or the next one."""
        os.write(self._write, b"!")

    def wait(self, pids: Sequence[int], seconds: float) -> None:
        """Return once one has ended, after so many seconds, or earlier: the caller looks for itself what has ended."""
        with ExitStack() as stack:
            poll = select.poll()
            poll.register(self._read, select.POLLIN)
            for pid in pids:
                descriptor = _descriptor(pid)
                if descriptor is None:
                    seconds = min(seconds, LOOK_SECONDS)
                else:
                    stack.callback(os.close, descriptor)
                    poll.register(descriptor, select.POLLIN)
            if self._read in (ready for ready, _ in poll.poll(1000 * seconds)):
                os.read(self._read, 4096)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _descriptor(pid: int) -> int | None:
    """The process's descriptor; ``None`` where there is none: not on Linux, an old kernel, or it has been reaped."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
