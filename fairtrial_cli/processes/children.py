"""Child programs that are kept running: started in order, started again when one dies, ended in the opposite order."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fairtrial.domain.errors import STORE_UNUSABLE, FairtrialError, UsageError
from fairtrial_cli.processes.child_exits import ExitWatch
from fairtrial_cli.processes.child_logs import rotate

WATCH_SECONDS = 2.0
"""Between two looks at the sizes of logs; the end of a program is known at once."""

FIRST_WAIT, LONGEST_WAIT, STEADY_SECONDS = 0.1, 5.0, 10.0
END_SECONDS = 40.0
MOST_RESTARTS = 2
LOG_LINES, LOG_BYTES = 20, 16_384
ERROR = "error: "
"""With this every command begins what it has to say of an error."""

ROTATE_SECONDS = 60.0
"""Between two tries to put a log aside: a full disk refuses it."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: command line, environment, the file that keeps what it says, and how long it may take to end."""

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    log: Path
    end_seconds: float = END_SECONDS


class Child:
    """One program, alive or to be started again; ``pid`` is ``None`` while it does not run.

    ``trouble``: what it said when it last ended because its store can't be used; `recovered` forgets it.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.restarts = 0
        self.trouble: str | None = None
        self._running: subprocess.Popen[bytes] | None = None
        self._wait = FIRST_WAIT
        self._started = 0.0
        self._not_before = 0.0
        self._said_before = 0
        self._rotate_at = 0.0

    @property
    def pid(self) -> int | None:
        running = self._running
        return running.pid if running is not None and running.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        return self._running.poll() if self._running is not None else None

    def start(self) -> None:
        """Start it, its output appended to its log."""
        fd = _open_log(self.program.log)
        self._said_before = os.fstat(fd).st_size
        launcher = [sys.executable, "-m", "fairtrial_cli.processes.child", str(os.getpid())]
        try:
            self._running = subprocess.Popen(
                [*launcher, *self.program.arguments],
                stdin=subprocess.DEVNULL,
                stdout=fd,
                stderr=fd,
                env=dict(self.program.environ),
                start_new_session=True,
            )
        finally:
            os.close(fd)
        self._started = time.monotonic()

    @property
    def due(self) -> float:
        """When it may be started again, in seconds of the monotonic clock; a past time unless it waits for that."""
        return self._not_before

    def keep_up(self) -> None:
        """Start it again if it has died, waiting longer each time that it does so at once; raises `OSError`."""
        now = time.monotonic()
        if now >= self._rotate_at:
            self._rotate(now)
        if self.exit_code is None:
            return
        if self._not_before == 0.0:
            steady = now - self._started > STEADY_SECONDS
            self._wait = FIRST_WAIT if steady else min(2 * self._wait, LONGEST_WAIT)
            self._not_before = now + self._wait
            self._say_end()
        elif now >= self._not_before:
            self.start()
            self._not_before = 0.0
            self.restarts += 1

    def recovered(self) -> None:
        """It is ready again."""
        self.trouble = None

    def _say_end(self) -> None:
        """In one line; what is wrong with a store is said once, not at every try."""
        name, log = self.program.name, self.program.log
        if self.exit_code != STORE_UNUSABLE:
            return say(f"{name} ended with code {self.exit_code}; starting it again (see {log})")
        before, self.trouble = self.trouble, error_in(self.last_words())
        if self.trouble != before:
            say(f"{self.trouble}\n{name} is tried again every few seconds (see {log}).")
        return None

    def _rotate(self, now: float) -> None:
        try:
            if rotate(self.program.log):
                self._said_before = 0
        except OSError:
            self._rotate_at = now + ROTATE_SECONDS

    def delay(self) -> None:
        """Let the next try wait as long as any."""
        self._not_before = time.monotonic() + LONGEST_WAIT

    def end(self) -> None:
        """Ask it to end, and make it if it doesn't."""
        running = self._running
        if running is None or running.poll() is not None:
            return
        running.terminate()
        try:
            running.wait(self.program.end_seconds)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()

    def last_words(self) -> str:
        """The end of what it said since it was last started."""
        try:
            with self.program.log.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._said_before, end - LOG_BYTES))
                lines = log.read().decode("utf-8", "replace").splitlines()
        except OSError as error:
            return f"{self.program.log}: can't be read ({error.strerror})"
        return "\n".join(lines[-LOG_LINES:])


class Children:
    """Several programs, started and watched by one thread (which must live as long as they do)."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.children = {program.name: Child(program) for program in programs}
        self._ending = threading.Event()
        self._exits = ExitWatch()
        self._steady = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="children", daemon=True)

    def start(self) -> None:
        """Start all; raises `FairtrialError` if one can't be started at all."""
        self._thread.start()
        self._steady.wait()
        if self._failure is not None:
            raise FairtrialError(f"a service could not be started ({self._failure})")

    def stop(self) -> None:
        """End all, the last started first."""
        self._ending.set()
        if self._thread.is_alive():
            self._exits.wake()
            self._thread.join()

    def _run(self) -> None:
        try:
            for child in self.children.values():
                child.start()
        except OSError as error:
            self._failure = error
            self._ending.set()
        self._steady.set()
        while not self._ending.is_set():
            self._keep_up()
            self._sleep()
        for child in reversed(self.children.values()):
            child.end()

    def _sleep(self) -> None:
        """Until a program ends, or one that has ended may be started again."""
        pids = [pid for child in self.children.values() if (pid := child.pid) is not None]
        waiting = [child.due for child in self.children.values() if child.pid is None]
        due = min(waiting, default=math.inf) - time.monotonic()
        self._exits.wait(pids, min(WATCH_SECONDS, max(0.0, due)))

    def _keep_up(self) -> None:
        for child in self.children.values():
            try:
                child.keep_up()
            except OSError as error:  # no memory or no room now: this thread must live, or the kernel ends the others
                say(f"{child.program.name} can't be started now ({error})")
                child.delay()


def say(text: str) -> None:
    """To standard error, if that takes it: whatever it is, no service ends because of it."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def error_in(words: str) -> str:
    """The last error among the words of a program, without what came before; all of them if there is none."""
    return words[max(words.rfind(ERROR), 0) :]


def _open_log(path: Path) -> int:
    """A log that can't be opened must not keep its service down."""
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except OSError:
        return os.open(os.devnull, flags)


def refuse_dead(child: Child) -> None:
    """`UsageError` with the program's own words, if it ended with a usage error before it was ever ready."""
    if child.exit_code in (UsageError.exit_code, STORE_UNUSABLE) or child.restarts > MOST_RESTARTS:
        raise UsageError(f"{child.program.name} could not start:\n{error_in(child.last_words())}")
