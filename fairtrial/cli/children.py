"""Child programs that are kept running: started in order, started again when one dies, ended in the opposite order."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairtrial.cli.child_logs import rotate
from fairtrial.domain.errors import FairtrialError, UsageError

WATCH_SECONDS = 0.1
FIRST_WAIT, LONGEST_WAIT, STEADY_SECONDS = 0.1, 5.0, 10.0
END_SECONDS = 40.0
LOG_LINES, LOG_BYTES = 20, 16_384


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: command line, environment, the file that keeps what it says, and how long it may take to end."""

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    log: Path
    end_seconds: float = END_SECONDS


class Child:
    """One program, alive or to be started again; ``pid`` is ``None`` while it does not run."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.restarts = 0
        self._running: subprocess.Popen[bytes] | None = None
        self._wait = FIRST_WAIT
        self._started = 0.0
        self._not_before = 0.0
        self._said_before = 0

    @property
    def pid(self) -> int | None:
        running = self._running
        return running.pid if running is not None and running.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        return self._running.poll() if self._running is not None else None

    def start(self) -> None:
        """Start it, its output appended to its log."""
        fd = os.open(self.program.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._said_before = os.fstat(fd).st_size
        launcher = [sys.executable, "-m", "fairtrial.cli.child", str(os.getpid())]
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

    def keep_up(self) -> None:
        """Start it again if it has died, waiting longer each time that it does so at once; raises `OSError`."""
        if rotate(self.program.log):
            self._said_before = 0
        if self.exit_code is None:
            return
        now = time.monotonic()
        if self._not_before == 0.0:
            steady = now - self._started > STEADY_SECONDS
            self._wait = FIRST_WAIT if steady else min(2 * self._wait, LONGEST_WAIT)
            self._not_before = now + self._wait
            name, log = self.program.name, self.program.log
            print(
                f"{name} ended with code {self.exit_code}; starting it again (see {log})", file=sys.stderr, flush=True
            )
        elif now >= self._not_before:
            self.start()
            self._not_before = 0.0
            self.restarts += 1

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
        with self.program.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._said_before, end - LOG_BYTES))
            lines = log.read().decode("utf-8", "replace").splitlines()
        return "\n".join(lines[-LOG_LINES:])


class Children:
    """Several programs, started and watched by one thread (which must live as long as they do)."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.children = {program.name: Child(program) for program in programs}
        self._ending = threading.Event()
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
            self._thread.join()

    def _run(self) -> None:
        try:
            for child in self.children.values():
                child.start()
        except OSError as error:
            self._failure = error
            self._ending.set()
        self._steady.set()
        while not self._ending.wait(WATCH_SECONDS):
            self._keep_up()
        for child in reversed(self.children.values()):
            child.end()

    def _keep_up(self) -> None:
        for child in self.children.values():
            try:
                child.keep_up()
            except OSError as error:  # no memory or no room now: this thread must live, or the kernel ends the others
                print(f"{child.program.name} can't be started now ({error})", file=sys.stderr, flush=True)
                child.delay()


def refuse_dead(child: Child) -> None:
    """`UsageError` with the program's own words, if it ended with a usage error before it was ever ready."""
    if child.exit_code == UsageError.exit_code or child.restarts > 2:
        raise UsageError(f"{child.program.name} could not start:\n{child.last_words()}")
