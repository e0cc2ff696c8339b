"""A re-entrant read-write lock: many threads share it, or one holds it exclusively."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ReadWriteLock:
    """Writers have priority: a new reader waits as soon as a writer waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._writing = False
        self._thread = threading.local()

    @contextmanager
    def read(self) -> Iterator[None]:
        """Share the lock with other readers. A thread that already reads may enter again."""
        depth: int = getattr(self._thread, "depth", 0)
        if depth == 0:
            self._acquire_read()
        self._thread.depth = depth + 1
        try:
            yield
        finally:
            self._thread.depth = depth
            if depth == 0:
                self._release_read()

    @contextmanager
    def write(self) -> Iterator[None]:
        """Hold the lock exclusively. A thread that reads must not call this."""
        with self._changed:
            self._changed.wait_for(lambda: not self._writing)
            self._writing = True
            self._changed.wait_for(lambda: self._readers == 0)
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()

    def _acquire_read(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._writing)
            self._readers += 1

    def _release_read(self) -> None:
        with self._changed:
            self._readers -= 1
            self._changed.notify_all()
