"""Waiting for Ctrl-C or SIGTERM, so that a command can leave things in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Told:
    """Whether the program was told to end; while it is starting, being told interrupts it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._waiting = False

    def tell(self, *_: object) -> None:
        """What the signals call."""
        if not self._waiting and not self._event.is_set():
            self._event.set()
            raise KeyboardInterrupt
        self._event.set()

    def started(self) -> None:
        """From now on being told interrupts nothing: `wait` returns."""
        self._waiting = True

    def wait(self, seconds: float | None = None) -> bool:
        """Until told, or for so long; returns whether it was told."""
        self.started()
        return self._event.wait(seconds)


@contextmanager
def until_told() -> Iterator[Told]:
    """Signals are caught within the context; a second one no longer interrupts what tidies up."""
    told = Told()
    before = {number: signal.signal(number, told.tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handling in before.items():
            signal.signal(number, handling)
