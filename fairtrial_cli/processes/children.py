"""Supervises child processes: starts them in order, restarts dead ones, and stops them in reverse order."""

import math
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from fairtrial.domain.errors import STORE_UNUSABLE, FairtrialError, UsageError
from fairtrial_cli.processes.child_logs import open_log, rotate, tail_of

WATCH_SECONDS = 2.0
"""The interval between checks of log sizes. An exit is noticed at once."""

FIRST_WAIT, LONGEST_WAIT, STEADY_SECONDS = 0.1, 5.0, 10.0
END_SECONDS = 40.0
READY_SECONDS, TRY_SECONDS = 60.0, 0.05
"""How long a service may take until it is ready, and the interval at which that is checked."""

MAX_RESTARTS = 2
ERROR = "error: "
"""The prefix of every command's error messages."""

ROTATE_SECONDS = 60.0
"""The interval between attempts to rotate a log, which fails on a full disk."""

POLL_SECONDS = 0.1
"""The polling interval where pidfd is not available."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program: command line, environment, log file, and how long it may take to stop."""

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    log: Path
    end_seconds: float = END_SECONDS


class Child:
    """One program, running or waiting for a restart; ``pid`` is ``None`` while it is not running.

    ``store_error`` is its message when it last exited because of an unusable store, until `mark_recovered`.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.restarts = 0
        self.store_error: str | None = None
        self._running: subprocess.Popen[bytes] | None = None
        self._wait = FIRST_WAIT
        self._started = 0.0
        self._not_before = 0.0
        self._log_start = 0
        self._rotate_at = 0.0

    @property
    def pid(self) -> int | None:
        running = self._running
        return running.pid if running is not None and running.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        return self._running.poll() if self._running is not None else None

    def start(self) -> None:
        """Start the program, with its output appended to its log."""
        fd = open_log(self.program.log)
        self._log_start = os.fstat(fd).st_size
        try:
            self._running = self._run(fd)
        finally:
            os.close(fd)
        self._started = time.monotonic()

    def _run(self, output: int) -> subprocess.Popen[bytes]:
        launcher = [sys.executable, "-m", "fairtrial_cli.processes.child", str(os.getpid())]
        return subprocess.Popen(
            [*launcher, *self.program.arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(self.program.environ),
            start_new_session=True,
        )

    @property
    def due(self) -> float:
        """When it may be restarted, in seconds of the monotonic clock; in the past unless it is waiting."""
        return self._not_before

    def restart_if_dead(self) -> None:
        """Restart the program if it has exited, with a longer delay if it keeps exiting; raises `OSError`."""
        now = time.monotonic()
        if now >= self._rotate_at:
            self._rotate(now)
        if self.exit_code is None:
            return
        if self._not_before == 0.0:
            steady = now - self._started > STEADY_SECONDS
            self._wait = FIRST_WAIT if steady else min(2 * self._wait, LONGEST_WAIT)
            self._not_before = now + self._wait
            self._report_exit()
        elif now >= self._not_before:
            self.start()
            self._not_before = 0.0
            self.restarts += 1

    def mark_recovered(self) -> None:
        """Forget the store error, because the program works again."""
        self.store_error = None

    def _report_exit(self) -> None:
        """Report the exit in one line. The same store error is reported only once."""
        name, log = self.program.name, self.program.log
        if self.exit_code != STORE_UNUSABLE:
            return report(f"{name} exited with code {self.exit_code}; restarting it (see {log})")
        before, self.store_error = self.store_error, last_error(self.log_tail())
        if self.store_error != before:
            report(f"{self.store_error}\n{name} is restarted every few seconds (see {log}).")
        return None

    def _rotate(self, now: float) -> None:
        try:
            if rotate(self.program.log):
                self._log_start = 0
        except OSError:
            self._rotate_at = now + ROTATE_SECONDS

    def postpone(self) -> None:
        """Delay the next restart by the longest wait."""
        self._not_before = time.monotonic() + LONGEST_WAIT

    def end(self) -> None:
        """Terminate the program, and kill it if it does not stop in time."""
        running = self._running
        if running is None or running.poll() is not None:
            return
        running.terminate()
        try:
            running.wait(self.program.end_seconds)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()

    def log_tail(self) -> str:
        """The last lines of its log since it was last started."""
        return tail_of(self.program.log, self._log_start)


class Children:
    """Several programs, started and watched by one thread, which must live as long as they do."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.children = {program.name: Child(program) for program in programs}
        self._ending = threading.Event()
        self._exits = ExitWatch()
        self._steady = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="children", daemon=True)

    def start(self) -> None:
        """Start all programs; raises `FairtrialError` if one can't be started."""
        self._thread.start()
        self._steady.wait()
        if self._failure is not None:
            raise FairtrialError(f"a service could not be started ({self._failure})")

    def stop(self) -> None:
        """Stop all programs, the last started first."""
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
            self._restart_dead()
            self._sleep()
        for child in reversed(self.children.values()):
            child.end()

    def _sleep(self) -> None:
        """Wait until a program exits or may be restarted."""
        pids = [pid for child in self.children.values() if (pid := child.pid) is not None]
        waiting = [child.due for child in self.children.values() if child.pid is None]
        due = min(waiting, default=math.inf) - time.monotonic()
        self._exits.wait(pids, min(WATCH_SECONDS, max(0.0, due)))

    def _restart_dead(self) -> None:
        for child in self.children.values():
            try:
                child.restart_if_dead()
            except OSError as error:  # this thread must survive a lack of memory or disk, or the children end
                report(f"{child.program.name} can't be started now ({error})")
                child.postpone()


def report(text: str) -> None:
    """Print to standard error. A failure to print must not stop a service."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def last_error(output: str) -> str:
    """The last error message in a program's output, or all of it if there is none."""
    return output[max(output.rfind(ERROR), 0) :]


def raise_if_failed(child: Child) -> None:
    """Raise `UsageError` with the program's message if it failed before it was ready."""
    if child.exit_code in (UsageError.exit_code, STORE_UNUSABLE) or child.restarts > MAX_RESTARTS:
        raise UsageError(f"{child.program.name} could not start:\n{last_error(child.log_tail())}")


class ExitWatch:
    """`wait` returns when the first of several processes exits; `wake` ends it from another thread."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        weakref.finalize(self, _close, self._read, self._write)

    def wake(self) -> None:
        """End the current wait, or the next one."""
        os.write(self._write, b"!")

    def wait(self, pids: Sequence[int], seconds: float) -> None:
        """Return when a process has exited, after ``seconds``, or earlier. The caller checks which one has exited."""
        with ExitStack() as stack:
            poll = select.poll()
            poll.register(self._read, select.POLLIN)
            for pid in pids:
                descriptor = _descriptor(pid)
                if descriptor is None:
                    seconds = min(seconds, POLL_SECONDS)
                else:
                    stack.callback(os.close, descriptor)
                    poll.register(descriptor, select.POLLIN)
            if self._read in (ready for ready, _ in poll.poll(1000 * seconds)):
                os.read(self._read, 4096)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _descriptor(pid: int) -> int | None:
    """The process's pidfd; ``None`` if the system has none or the process has been reaped."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
