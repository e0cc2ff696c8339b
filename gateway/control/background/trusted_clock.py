"""Reads the clocks of this machine, and keeps their anchor in the store."""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from uuid import uuid4

from fairtrial.domain.accounts import CONTROL
from fairtrial.experiments.steady_time import Reading, Records, SteadyTime, StepTime
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import alarms

ALARM = "clock.jump"
"""The kind of the alarm that decisions do not trust the wall clock."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
BITS = 62
"""Bits of the boot's id that are kept, so that it is a positive number of the store."""


class TrustedClock:
    """The time by which decisions wait. `step` judges the clocks; one thread calls it. All threads may read."""

    def __init__(self, database: Database, read: Callable[[], Reading]) -> None:
        """Raises `StoreError`."""
        self._database = database
        self._read = read
        newest = named_values.newest_record(database)
        self._first_row = -1 if newest is None else newest[0]
        stored = named_values.read(database)
        self._time = SteadyTime(stored, read(), None if newest is None else newest[1])
        self._stored, self._held = stored is not None and stored == self._time.anchor, True

    @classmethod
    def without_check(cls, database: Database, clock_us: Callable[[], int]) -> "TrustedClock":
        """A clock that is always right, as in a simulation."""
        return cls(database, lambda: _same(clock_us()))

    def now(self) -> StepTime:
        return self._time.now(self._read())

    def stamp_us(self) -> int:
        """The time with which a change is recorded."""
        return self.now().stamp_us

    def late_us(self, since_us: int) -> int:
        """The time since then that only a correction of the wall clock made."""
        return self._time.known.late_us(since_us)

    def step(self) -> StepTime:
        """Judge the clocks and store a new anchor; raises `StoreError`."""
        reading = self._read()
        held = self._time.now(reading).held
        records, acknowledged = (self._records(), self._is_acknowledged()) if held else (Records(), False)
        if self._time.step(reading, records, acknowledged=acknowledged) or not self._stored:
            self._store()
        now = self._time.now(reading)
        if self._held and not now.held:
            self._close_alarms(now.now_us)
        self._held = bool(now.held)
        return now

    def _records(self) -> Records:
        newest = named_values.newest_record(self._database)
        return Records() if newest is None else Records(newest[1], fresh=newest[0] > self._first_row)

    def _is_acknowledged(self) -> bool:
        """Whether a person has confirmed the wall clock, by the alarm of any experiment."""
        return alarms.counts(self._database).get(("acknowledged", ALARM), 0) > 0

    def _store(self) -> None:
        anchor = self._time.anchor
        if anchor is None or not anchor.boot_id:
            return
        with self._database.transaction() as cursor:
            named_values.write(cursor, anchor)
        self._stored = True

    def _close_alarms(self, now_us: int) -> None:
        """Close the alarms of all experiments at once, so that an acknowledgement confirms one jump only."""
        for name in alarms.standing_experiments(self._database):
            alarms.settle(self._database, name, {}, families=("clock",), now_us=now_us, actor=CONTROL)


def read_clocks() -> Reading:
    """Both clocks of this machine. Linux excludes suspended time from its monotonic clock, so boot time is read."""
    kind = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Reading(time.time_ns() // 1000, time.clock_gettime_ns(kind) // 1000, _boot_id())


@cache
def _boot_id() -> int:
    """The id of this boot; a new one for each process where the system has none."""
    try:
        digits = BOOT_ID.read_text().strip().replace("-", "")
    except OSError:
        digits = uuid4().hex
    return int(digits, 16) % (1 << BITS) or 1


def _same(now_us: int) -> Reading:
    return Reading(now_us, now_us, 0)
