"""The supervisor: binds the address once, runs workers on it, restarts one that dies, drains them at the end."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import msgspec

from fairtrial.domain.limits.worker_settings import USUAL, WorkerSettings
from fairtrial.domain.names.hosts import is_loopback
from gateway.listening import listen
from gateway.signal_sleep import SignalSleep

STEADY_SECONDS = 5.0
"""A worker that lived this long is restarted at once; one that died sooner waits, twice as long each time."""

MAX_BACKOFF_SECONDS = 5.0
LONGEST_SLEEP = 5.0
"""Signals end the supervisor's sleep: of a worker that has ended, too."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What the workers serve: address, the plan's file, the journal's folder, how many, bytes of a body, and how."""

    host: str
    port: int
    plan: Path
    journal: Path
    workers: int = 2
    max_body: int = 32 * 2**20
    settings: WorkerSettings = USUAL


@dataclass(slots=True)
class _Place:
    """One worker's place: the process in it, and when a dead one may be replaced."""

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
        self._places = [_Place(f"w{number}") for number in range(serving.workers)]
        self._counts = _counts_folder()
        self._stopping = False

    @property
    def port(self) -> int:
        """The port that is listened on, also where 0 was asked for."""
        return int(self.socket.getsockname()[1])

    def pids(self) -> list[int]:
        """The workers that are alive."""
        processes = [place.process for place in self._places]
        return [process.pid for process in processes if process is not None and process.poll() is None]

    def run(self) -> None:
        """Run until SIGTERM or SIGINT, then let the workers finish what is in flight; until the second, then end."""
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
                self._mourn(place, now)
            if place.process is None and now >= place.not_before:
                self._start(place, now)

    def _until_due(self) -> float:
        """Seconds until a worker may be started that waits for it."""
        due = [place.not_before for place in self._places if place.process is None]
        return min(LONGEST_SLEEP, max(0.0, min(due, default=math.inf) - time.monotonic()))

    def drain(self) -> None:
        """Ask every worker to finish, wait, and end those that don't."""
        alive = self.terminate()
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

    def terminate(self) -> list[subprocess.Popen[bytes]]:
        """Tell every worker to stop; a worker that is told a second time breaks off what it still has."""
        alive = [place.process for place in self._places if place.process is not None]
        for process in alive:
            process.terminate()
        return alive

    def _start(self, place: _Place, now: float) -> None:
        try:
            place.process, place.started = self._spawn(place.name), now
        except OSError as error:  # no memory or no process free now: the other workers go on
            place.not_before = now + MAX_BACKOFF_SECONDS
            _say(f"gateway: worker {place.name} can't be started now ({error})")

    def _mourn(self, place: _Place, now: float) -> None:
        steady = now - place.started >= STEADY_SECONDS
        place.backoff = 0.1 if steady else min(place.backoff * 2, MAX_BACKOFF_SECONDS)
        place.not_before = now if steady else now + place.backoff
        code = place.process.returncode if place.process else None
        _say(f"gateway: worker {place.name} ended with code {code}; restarting")
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
        command = [sys.executable, "-m", "gateway.proxy.worker", *arguments]
        return subprocess.Popen(command, pass_fds=[descriptor, self._alive_read], stdin=subprocess.DEVNULL)

    def _on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        if self._stopping:
            self.terminate()
        self._stopping = True


def _say(text: str) -> None:
    """To the log, if the disk takes it: a full one must not end the gateway."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _counts_folder() -> TemporaryDirectory[str] | None:
    """Where workers show each other their counts; without a place for it each shows its own, and traffic goes on."""
    try:
        return TemporaryDirectory(prefix="fairtrial-counts-", ignore_cleanup_errors=True)
    except OSError:
        return None
