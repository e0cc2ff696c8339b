"""Batches the journal's fsync calls in one thread, so that requests rarely wait for the disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from fairtrial.journal.segment import Segment

WAITED_SECONDS = 0.005
"""How long a group is collected if an append waits for it."""

GROUP_SECONDS = 0.05
"""How long a group is collected otherwise.

Each group costs a busy worker as much as two requests.
"""

LINGER_SECONDS = 1.0
"""How long the thread polls after the last work, because waking it takes longer than a request's whole record."""

QUIET_SECONDS = 60.0
"""How often ``on_quiet`` is called while nothing is marked."""


class GroupSync:
    """Syncs the segments that are marked, and closes those that are retired.

    ``failed`` counts syncs that the disk refused. Tickets count marks: `wait` returns after the sync of a mark.
    ``on_quiet`` is called every `QUIET_SECONDS` while nothing is marked, and may retire a segment.
    """

    def __init__(self, on_quiet: Callable[[], None], *, seconds: float = GROUP_SECONDS) -> None:
        self._seconds = seconds
        self.failed = 0
        self._on_quiet = on_quiet
        self._changed = threading.Condition()
        self._marked = 0
        self._synced = 0
        self._segment: Segment | None = None
        self._retired: list[Segment] = []
        self._ending = self._asleep = False
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)
        self._thread.start()

    @property
    def marked(self) -> int:
        """How many marks there were."""
        return self._marked

    def mark(self, segment: Segment | None) -> int:
        """Have this segment and all retired ones synced soon; returns the ticket to wait for.

        Only one thread may call it at a time.
        """
        # No lock is taken: the segment is stored before the count, and the syncing thread reads the count first.
        # That thread must be woken only if it sleeps, and before it sleeps it checks the count once more.
        self._segment = segment
        self._marked += 1
        if self._asleep:
            with self._changed:
                self._changed.notify_all()
        return self._marked

    def wait(self, ticket: int) -> None:
        """Wait until everything marked up to this ticket has been synced, or the disk has refused it."""
        with self._changed:
            self._changed.wait_for(lambda: self._synced >= ticket)

    def retire(self, segment: Segment) -> None:
        """Have a complete segment synced and closed soon; returns at once."""
        with self._changed:
            self._retired.append(segment)
            if self._segment is segment:
                self._segment = None
            self._changed.notify_all()

    def close(self) -> None:
        """Finish what is marked and retired, and end the thread."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        last = time.monotonic()
        while not self._ending:
            if self._has_work():
                time.sleep(self._seconds)
                self._commit()
                last = time.monotonic()
            elif time.monotonic() - last < LINGER_SECONDS:
                time.sleep(self._seconds)
            elif not self._await_work():
                self._on_quiet()
        self._commit()

    def _has_work(self) -> bool:
        return self._marked > self._synced or bool(self._retired)

    def _await_work(self) -> bool:
        """Wait for work; false if a long time passed without any."""
        with self._changed:
            self._asleep = True
            try:
                return self._changed.wait_for(lambda: self._has_work() or self._ending, QUIET_SECONDS)
            finally:
                self._asleep = False

    def _commit(self) -> None:
        with self._changed:
            ticket, segment = self._marked, self._segment
            retired, self._retired = self._retired, []
        for old in retired:
            self._sync(old)
            self._close(old)
        if segment is not None and segment not in retired:
            self._sync(segment)
        with self._changed:
            self._synced = ticket
            self._changed.notify_all()

    def _close(self, segment: Segment) -> None:
        try:
            segment.close()
        except OSError:  # some file systems report a failed write only now; this thread must live
            self.failed += 1

    def _sync(self, segment: Segment) -> None:
        try:
            segment.sync()
        except OSError:
            self.failed += 1
