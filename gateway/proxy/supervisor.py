"""Binds the address once, runs workers on it, restarts a worker that dies, and drains them all at the end."""

import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Self

import msgspec

from fairtrial.domain.limits.server_settings import USUAL, WorkerSettings
from fairtrial.domain.names.addresses import is_loopback
from gateway.process_resources import listen

STEADY_SECONDS = 5.0
"""A worker that lived this long is restarted at once. After a shorter life the delay doubles each time."""

MAX_BACKOFF_SECONDS = 5.0
LONGEST_SLEEP = 5.0
"""Signals end the sleep early, among them the one for a worker that has ended."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What the workers serve. ``max_body``: bytes of the largest request body."""

    host: str
    port: int
    plan: Path
    journal: Path
    workers: int = 2
    max_body: int = 32 * 2**20
    settings: WorkerSettings = USUAL


@dataclass(slots=True)
class _WorkerSlot:
    """One worker's place: its process, and when a dead one may be replaced."""

    name: str
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    not_before: float = 0.0
    backoff: float = field(default=0.1)


class Supervisor:
    """Keeps ``serving.workers`` processes alive on one socket until `stop` or a signal."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.socket = listen(serving.host, serving.port, service="gateway", setting="gateway.bind")
        self._alive_read, self._alive_write = os.pipe()
        self._places = [_WorkerSlot(f"w{number}") for number in range(serving.workers)]
        self._counts = _counts_folder()
        self._stopping = False

    @property
    def port(self) -> int:
        """The port in use, also if port 0 was requested."""
        return int(self.socket.getsockname()[1])

    def pids(self) -> list[int]:
        """The process ids of the workers that are alive."""
        processes = [place.process for place in self._places]
        return [process.pid for process in processes if process is not None and process.poll() is None]

    def run(self) -> None:
        """Run until SIGTERM or SIGINT, then let the workers finish. A second signal ends them at once."""
        with SignalSleep() as sleep:
            signal.signal(signal.SIGTERM, self._on_signal)
            signal.signal(signal.SIGINT, self._on_signal)
            try:
                while not self._stopping:
                    self.tend()
                    sleep.until_signal(self._until_due())
            finally:
                self.drain()

    def tend(self) -> None:
        """Start every worker that is not alive and may be started."""
        now = time.monotonic()
        for place in self._places:
            if place.process is not None and place.process.poll() is not None:
                self._note_exit(place, now)
            if place.process is None and now >= place.not_before:
                self._start(place, now)

    def _until_due(self) -> float:
        """Seconds until the next worker may be restarted."""
        due = [place.not_before for place in self._places if place.process is None]
        return min(LONGEST_SLEEP, max(0.0, min(due, default=math.inf) - time.monotonic()))

    def drain(self) -> None:
        """Stop every worker and wait for it; kill those that do not end in time."""
        alive = self._signal(signal.SIGTERM)
        deadline = time.monotonic() + self.serving.settings.to_stop
        for process in alive:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.socket.close()
        if self._counts is not None:
            self._counts.cleanup()
        os.close(self._alive_read)
        os.close(self._alive_write)

    def break_off(self) -> None:
        """Let every worker break off the requests that it still serves.

        This needs a signal other than SIGTERM: the kernel merges two pending ones, and a service manager may send
        SIGTERM to the workers too.
        """
        self._signal(signal.SIGQUIT)

    def _signal(self, number: signal.Signals) -> list[subprocess.Popen[bytes]]:
        """Send a signal to every worker and return the workers."""
        alive = [place.process for place in self._places if place.process is not None]
        for process in alive:
            process.send_signal(number)
        return alive

    def _start(self, place: _WorkerSlot, now: float) -> None:
        try:
            place.process, place.started = self._spawn(place.name), now
        except OSError as error:  # no memory or no process is free now: the other workers continue
            place.not_before = now + MAX_BACKOFF_SECONDS
            _log(f"gateway: worker {place.name} can't be started now ({error})")

    def _note_exit(self, place: _WorkerSlot, now: float) -> None:
        steady = now - place.started >= STEADY_SECONDS
        place.backoff = 0.1 if steady else min(place.backoff * 2, MAX_BACKOFF_SECONDS)
        place.not_before = now if steady else now + place.backoff
        code = place.process.returncode if place.process else None
        _log(f"gateway: worker {place.name} ended with code {code}; restarting")
        place.process = None

    def _spawn(self, name: str) -> subprocess.Popen[bytes]:
        descriptor = self.socket.fileno()
        arguments = ["--fd", str(descriptor), "--alive", str(self._alive_read), "--worker", name]
        arguments += ["--plan", str(self.serving.plan), "--journal", str(self.serving.journal)]
        arguments += [
            "--counts",
            self._counts.name if self._counts else os.devnull,
            "--max-body",
            str(self.serving.max_body),
        ]
        arguments += ["--settings", msgspec.json.encode(self.serving.settings).decode()]
        if not is_loopback(self.serving.host):
            arguments.append("--require-keys")
        return self._run([sys.executable, "-m", "gateway.proxy.worker", *arguments], [descriptor, self._alive_read])

    def _run(self, command: Sequence[str], descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, pass_fds=descriptors, stdin=subprocess.DEVNULL)

    def _on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        if self._stopping:
            self.break_off()
        self._stopping = True


def _log(text: str) -> None:
    """Write to the log. A full disk must not end the gateway."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _counts_folder() -> TemporaryDirectory[str] | None:
    """Make the folder in which workers share counters.

    Without one each worker shows only its own, and traffic continues.
    """
    try:
        return TemporaryDirectory(prefix="fairtrial-counts-", ignore_cleanup_errors=True)
    except OSError:
        return None


class SignalSleep:
    """Within the context, Python writes a byte into a pipe for each signal that has a handler, and SIGCHLD has one."""

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._child_before = signal.signal(signal.SIGCHLD, _note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGCHLD, self._child_before or signal.SIG_DFL)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._read)
        os.close(self._write)

    def until_signal(self, seconds: float) -> None:
        """Return after so many seconds, or as soon as a signal has arrived since the last call."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        if poll.poll(1000 * seconds):
            os.read(self._read, 4096)


def _note(_signal: int, _frame: FrameType | None) -> None:
    """Does nothing. SIGCHLD needs a handler, because without one it is ignored and wakes nothing."""
