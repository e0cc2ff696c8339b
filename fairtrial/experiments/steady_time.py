"""Measures the time that decisions wait for, which a jump of the wall clock does not change.

On one boot, the boot-time clock checks the wall clock from an anchor on, at which both agreed. It counts the time in
which the machine is suspended, and nobody can set it. Over a reboot, the records of the workers check the wall clock.
"""

from dataclasses import dataclass

from fairtrial.domain.limits.constants import DAY_US
from fairtrial.domain.promises import (
    CLOCK_CORRECTED_US,
    CLOCK_FRESH_US,
    CLOCK_SETTLED_US,
    CLOCK_SILENCE_US,
    CLOCK_TOLERANCE_US,
)
from fairtrial.domain.wording import duration_words


@dataclass(frozen=True, slots=True)
class Reading:
    """Both clocks at the same moment. ``boot_id``: of this boot; 0 without a boot-time clock."""

    wall_us: int
    boot_us: int
    boot_id: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """A moment at which the wall clock was right.

    ``gained_us``: by how much corrections have moved the wall clock forward. ``corrected_us``: when the last one did.
    """

    wall_us: int
    boot_us: int
    boot_id: int
    gained_us: int = 0
    corrected_us: int = 0

    def expected(self, reading: Reading) -> int:
        """The wall clock's time by the boot-time clock."""
        return self.wall_us + reading.boot_us - self.boot_us

    def jump(self, reading: Reading) -> int:
        """How far the wall clock has moved against the boot-time clock."""
        return reading.wall_us - self.expected(reading)

    def late_us(self, since_us: int) -> int:
        """The time since then that only a correction of the wall clock made; it counts for no wait."""
        return self.gained_us if since_us < self.corrected_us else 0


@dataclass(frozen=True, slots=True)
class StepTime:
    """The time of one step. ``now_us`` is what waits are judged by; ``stamp_us`` is what a change is recorded with.

    ``held``: what decisions that wait for time need now; empty while the clocks agree.
    """

    now_us: int
    stamp_us: int
    held: str = ""


@dataclass(frozen=True, slots=True)
class Records:
    """The workers' records: the time of the last one, and whether it came since control has started."""

    newest_us: int | None = None
    fresh: bool = False

    def confirm(self, wall_us: int) -> bool:
        return self.fresh and self.newest_us is not None and abs(wall_us - self.newest_us) <= CLOCK_FRESH_US


class SteadyTime:
    """Judges the clocks. ``anchor`` is ``None`` from a reboot until the records have confirmed the wall clock."""

    def __init__(self, stored: Anchor | None, first: Reading, newest_us: int | None) -> None:
        """``stored``: the anchor of an earlier process, from this boot or another one.

        ``newest_us``: the time of the last record before this start. Later ones may come from a wrong wall clock.
        """
        self._before = stored or Anchor(0, 0, 0)
        self._newest_us = max(self._before.wall_us, newest_us or 0)
        self._even: tuple[int, int] | None = None
        same_boot = stored is not None and first.boot_id and stored.boot_id == first.boot_id
        self.anchor = stored if same_boot else None
        if self.anchor is None and (not first.boot_id or self._is_plausible(first)):
            self._set(first)

    def now(self, reading: Reading) -> StepTime:
        """The time at this reading."""
        if self.anchor is None:
            return StepTime(reading.wall_us, reading.wall_us, self._unconfirmed(reading))
        expected = self.anchor.expected(reading)
        held = "" if self._agrees(reading) else _jumped(self.anchor.jump(reading))
        return StepTime(min(reading.wall_us, expected), expected if held else reading.wall_us, held)

    def step(self, reading: Reading, records: Records, *, acknowledged: bool = False) -> bool:
        """Accept the wall clock if it may be: returns whether there is a new anchor.

        ``acknowledged``: a person has confirmed the wall clock.
        """
        if self._agrees(reading):
            self._even = None
            if reading.boot_us - self.known.boot_us < DAY_US:
                return False
            self._set(reading)  # so that many small corrections do not add up to a jump
            return True
        plausible = self.anchor is None and self._is_plausible(reading)
        if not (plausible or acknowledged or self._is_confirmed(reading, records)):
            return False
        self._set(reading, gained_us=0 if self.anchor is None else max(0, self.anchor.jump(reading)))
        return True

    @property
    def known(self) -> Anchor:
        """The anchor, or that of an earlier process."""
        return self.anchor or self._before

    def _agrees(self, reading: Reading) -> bool:
        return self.anchor is not None and abs(self.anchor.jump(reading)) <= CLOCK_TOLERANCE_US

    def _is_plausible(self, reading: Reading) -> bool:
        """Whether the wall clock continues the records, with at most a silent day between."""
        return not self._newest_us or -CLOCK_TOLERANCE_US <= reading.wall_us - self._newest_us <= CLOCK_SILENCE_US

    def _is_confirmed(self, reading: Reading, records: Records) -> bool:
        """Whether the wall clock has run evenly for long enough, and records of workers agree with it."""
        offset = reading.wall_us - reading.boot_us
        if self._even is None or abs(offset - self._even[0]) > CLOCK_TOLERANCE_US:
            self._even = offset, reading.boot_us
        needed = CLOCK_SETTLED_US if self.anchor is None else CLOCK_CORRECTED_US
        return reading.boot_us - self._even[1] >= needed and records.confirm(reading.wall_us)

    def _set(self, reading: Reading, *, gained_us: int = 0) -> None:
        before = self.known
        self._even = None
        self.anchor = Anchor(
            reading.wall_us,
            reading.boot_us,
            reading.boot_id,
            before.gained_us + gained_us,
            reading.wall_us if gained_us else before.corrected_us,
        )

    def _unconfirmed(self, reading: Reading) -> str:
        side = "after" if reading.wall_us > self._newest_us else "before"
        return f"fresh records that confirm the wall clock (since a reboot it is far {side} the newest record)"


def _jumped(jump_us: int) -> str:
    side = "ahead of" if jump_us > 0 else "behind"
    return f"clocks that agree (the wall clock is {duration_words(abs(jump_us) / 1e6)} {side} the boot-time clock)"
