"""Waits for Ctrl-C or SIGTERM, so that a command can clean up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ShutdownSignal:
    """A requested shutdown. While the program is starting, a request interrupts it."""

    def __init__(self) -> None:
        self.requested = threading.Event()
        self._waiting = False

    def handle(self, *_: object) -> None:
        """The signal handler."""
        if not self._waiting and not self.requested.is_set():
            self.requested.set()
            raise KeyboardInterrupt
        self.requested.set()

    def mark_started(self) -> None:
        """From now on, a signal interrupts nothing and only makes `wait` return."""
        self._waiting = True

    def wait(self, seconds: float | None = None) -> bool:
        """Block until a shutdown signal arrives, or for ``seconds``; returns whether it has arrived."""
        self.mark_started()
        return self.requested.wait(seconds)


@contextmanager
def shutdown_signal() -> Iterator[ShutdownSignal]:
    """Handle signals within the context. A second signal does not interrupt the cleanup."""
    shutdown = ShutdownSignal()
    before = {number: signal.signal(number, shutdown.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield shutdown
    finally:
        for number, handling in before.items():
            signal.signal(number, handling)
