"""Watches whether requests are recorded: it logs when events begin to be lost, and when recording works again."""

import asyncio
import logging
import time

from fairtrial.journal.writer import JournalWriter

LOOK_SECONDS = 0.5


REST_SECONDS = 1.0
"""The interval between two checks if nothing is recorded and nothing is lost."""


CALM_SECONDS = 10.0
"""Recording counts as working after this time without losses, because a nearly full disk accepts some events."""


_LOG = logging.getLogger(__name__)


class RecordingWatch:
    """``losing``: events are being lost, or the next one would be. Traffic continues either way."""

    def __init__(self, journal: JournalWriter) -> None:
        self.losing = False
        self._journal = journal
        self._lost_before = self._seen = 0
        self._last = 0.0

    async def run(self) -> None:
        """Check again and again until cancelled."""
        appended = 0
        while True:
            whole = await asyncio.to_thread(self._journal.look)
            self.judge(time.monotonic(), whole=whole)
            at_rest = appended == self._journal.appended and not self.losing
            appended = self._journal.appended
            await asyncio.sleep(REST_SECONDS if at_rest else LOOK_SECONDS)

    def judge(self, now: float, *, whole: bool = True) -> None:
        """Compare with the last check. ``now``: seconds of a monotonic clock."""
        lost = self._journal.lost
        if lost > self._seen or not self._journal.able or not whole:
            self._last = now
            if not self.losing:
                self._begin()
        elif self.losing and now - self._last >= CALM_SECONDS:
            self._end(lost)
        self._seen = lost

    def _begin(self) -> None:
        self.losing, self._lost_before = True, self._seen
        _LOG.error(
            "recording is losing events (%s): requests are served, but not recorded",
            self._journal.last_error or "unknown",
        )

    def _end(self, lost: int) -> None:
        self.losing = False
        _LOG.warning("recording works again: %d events were counted as lost", lost - self._lost_before)
