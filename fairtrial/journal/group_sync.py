"""Group commit: one thread syncs whatever the last few milliseconds brought, so that the hot path never waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from fairtrial.journal.segment import Segment

WAITED_SECONDS = 0.005
GROUP_SECONDS = 0.02
"""How long a group is collected: less where somebody waits for it. Each costs a busy worker as much as two requests."""

LINGER_SECONDS = 1.0
"""How long the thread looks by itself after the last work: waking it takes longer than a request's whole record."""

QUIET_SECONDS = 60.0


class GroupSync:
    """Syncs the segments that are marked, and closes those that are retired.

    ``failed`` counts syncs that the disk refused. Tickets count marks: a mark is on the disk once `wait` returns.
    ``on_quiet`` is called now and then while nothing is marked, and may retire a segment.
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
        """Have this segment, and all that are retired, synced soon; returns the ticket to wait for.

        Only one thread may call it at a time. The syncing thread has to be woken only where it sleeps: where nothing
        is marked. It looks once more before it does.
        """
        self._segment = segment
        self._marked += 1
        if self._asleep:
            with self._changed:
                self._changed.notify_all()
        return self._marked

    def wait(self, ticket: int) -> None:
        """Until everything marked up to this ticket has been synced (or the disk has refused)."""
        with self._changed:
            self._changed.wait_for(lambda: self._synced >= ticket)

    def retire(self, segment: Segment) -> None:
        """Sync and close a segment that nobody will append to again."""
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
        """Whether there is any; a writer that has nothing to write is left alone for a while."""
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
        except OSError:  # some file systems tell of a failed write only now; this thread must live
            self.failed += 1

    def _sync(self, segment: Segment) -> None:
        try:
            segment.sync()
        except OSError:
            self.failed += 1
