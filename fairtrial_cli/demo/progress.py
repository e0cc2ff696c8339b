"""Shows what the demo is doing, how far it is and how much time is left, with and without a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rich.console import Console
from rich.markup import escape

QUIET_SECONDS = 6.0
"""The longest silence without a terminal."""
TICK_SECONDS = 0.5
ENOUGH = 15.0
"""The work after which its own speed says more than the first measurement."""


class Progress:
    """A line that is redrawn on a terminal, and printed every few seconds elsewhere. Safe to use from two threads.

    Work is counted in ticket answers (see `sizes`).
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began = self._printed = clock()
        self._lock = threading.Lock()
        self._doing = ""
        self._counts: dict[str, tuple[int, int]] = {}
        self._speed: float | None = None
        self._work_began = 0.0
        self._work_left = self._work_done = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._status = console.status("", refresh_per_second=4) if console.is_terminal else None

    @property
    def elapsed(self) -> float:
        """Seconds since the demo began."""
        return self._clock() - self._began

    @property
    def speed(self) -> float | None:
        """Units of work a second: as first measured, or as done since if that is enough to say."""
        seconds = self._clock() - self._work_began
        return self._work_done / seconds if self._work_done >= ENOUGH and seconds > 0 else self._speed

    def expect(self, work: float, speed: float | None) -> None:
        """From now on there is this much work left, at this speed until enough of it is done."""
        with self._lock:
            self._work_left, self._work_done, self._speed = work, 0.0, speed
            self._work_began = self._clock()

    def doing(self, what: str) -> None:
        """Name the next step, and forget the counts of the last one."""
        with self._lock:
            self._doing, self._counts = what, {}
        if self._status is None:
            self.say(f"  {what}")
        else:
            self._redraw()

    def count(self, name: str, done: int, total: int, *, work: float = 0.0) -> None:
        """``done`` of ``total`` of something, after ``work`` more."""
        with self._lock:
            self._counts[name] = (done, total)
        self.spend(work)

    def spend(self, work: float) -> None:
        """So much more work is done."""
        with self._lock:
            self._work_done += work
            self._work_left -= work

    def say(self, text: str = "", *, markup: bool = False) -> None:
        """Print a line that stays."""
        self._printed = self._clock()
        self._console.print(text if markup else escape(text), highlight=False, soft_wrap=True)

    def say_styled(self, text: str, style: str) -> None:
        """Print a line that stays, in this style."""
        self.say(f"[{style}]{escape(text)}[/]", markup=True)

    def rule(self, title: str) -> None:
        """Begin a part of the demo, with the time since its beginning."""
        self._printed = self._clock()
        self._console.rule(f"{escape(title)} [dim]{minutes(self.elapsed)}[/]", align="left")

    def __str__(self) -> str:
        with self._lock:
            parts = [self._doing, *(f"{name} {done:,} of {total:,}" for name, (done, total) in self._counts.items())]
            left = self._work_left
        speed = self.speed
        if speed and left > 0:
            parts.append(f"about {minutes(left / speed)} left")
        return ", ".join(parts)

    def __enter__(self) -> Progress:
        if self._status is not None:
            self._status.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        if self._status is not None:
            self._status.stop()

    def pause(self) -> None:
        """Stop redrawing, because the demo waits for nothing but its user."""
        self._ending.set()
        if self._status is not None:
            self._status.stop()

    def _run(self) -> None:
        while not self._ending.wait(TICK_SECONDS):
            if self._status is not None:
                self._redraw()
            elif self._clock() - self._printed >= QUIET_SECONDS:
                self.say(f"  {minutes(self.elapsed)}  {self}")

    def _redraw(self) -> None:
        if self._status is not None:
            self._status.update(escape(f"{minutes(self.elapsed)}  {self}"))


def minutes(seconds: float) -> str:
    """``1:05`` for 65 seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
