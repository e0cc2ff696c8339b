"""Runs one trial of a mode: kills at random moments under load, then the comparison with the store."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from benchmarks.crash_trials.services import FIRST_RELEASE, PRESENT, Services, lives
from benchmarks.crash_trials.stored import Comparison, compare, read_acknowledged
from benchmarks.wire.servers import ended, upstream

LOAD = Path(__file__).with_name("load.py")
FIRST_WORKERS = {"now": PRESENT, "earlier": FIRST_RELEASE, "upgrade": FIRST_RELEASE}
"""The release of the workers with which each mode begins."""
MOMENTS = {"early": 0.3, "write": 0.4, "later": 0.3}
"""The shares of the kills by their moment. See `await_moment`."""
EARLY_SECONDS, WRITE_SECONDS, LATER_SECONDS, MOST_SECONDS = 1.5, 0.004, 0.6, 3.0
ENOUGH = 20 * len("01a213ca-f89d-7492-8b57-9b13f86d6f34 tuned\n")
"""Bytes of acknowledged requests after which the workers count as working again."""


@dataclass(slots=True)
class Trial:
    """A trial and what it found. ``kills``: by victim."""

    mode: str
    kills: Counter[str] = field(default_factory=Counter)
    control_restarts: int = 0
    worker_restarts: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    acknowledged: int = 0
    seconds: float = 0.0
    found: Comparison = field(default_factory=lambda: Comparison(0, [], [], [], {}))
    unexpected: list[str] = field(default_factory=list)
    folder: Path | None = None

    @property
    def faulty(self) -> list[str]:
        """Everything that must not be: ids that are lost, stored twice or wrong, and exits without a kill."""
        found = self.found
        lost = [f"{name}: lost" for name in found.lost] + [f"{name}: stored twice" for name in found.twice]
        return lost + found.wrong + self.unexpected


def run(mode: str, kills: int, *, seed: int, workers: int, rate: float) -> Trial:
    """Run one trial in a new folder, which is kept if anything is wrong."""
    trial, begun = Trial(mode), time.monotonic()
    trial.folder = Path(tempfile.mkdtemp(prefix=f"fairtrial-crash-{mode}-"))
    acknowledged = trial.folder / "acknowledged.txt"
    acknowledged.touch()
    with ExitStack() as stack:
        plain = stack.enter_context(upstream())
        services = Services(trial.folder, plain.port, FIRST_WORKERS[mode], workers)
        stack.callback(services.stop)
        services.start()
        command = [sys.executable, str(LOAD), str(services.gateway_port), str(rate), str(acknowledged)]
        load = stack.enter_context(ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True), seconds=90))
        kill_at_random(trial, services, acknowledged, kills, seed)
        services.wait_until(services.control_is_ready)
        await_answers(services, acknowledged)
        trial.statuses = end_load(load, services)
    trial.seconds = time.monotonic() - begun
    trial.control_restarts = services.control_starts - 1
    trial.worker_restarts = len(services.seen_workers) - workers * (2 if mode == "upgrade" else 1)
    names = read_acknowledged(acknowledged)
    trial.acknowledged, trial.found, trial.unexpected = len(names), compare(services.layout, names), services.unexpected
    if not trial.faulty:
        shutil.rmtree(trial.folder)
        trial.folder = None
    return trial


def kill_at_random(trial: Trial, services: Services, acknowledged: Path, kills: int, seed: int) -> None:
    """Kill control or a worker, by chance, until there are enough kills; the upgrade comes in their middle.

    Each kill has its own generator, so that the draws do not depend on how many workers live.
    """
    for number in count():
        if (done := trial.kills.total()) == kills:
            break
        if trial.mode == "upgrade" and done == kills // 2 and services.release == FIRST_RELEASE:
            services.upgrade()
        draw = random.Random(f"{seed} {trial.mode} {number}")
        victim = draw.choice(("control", "worker"))
        await_moment(services, acknowledged, victim, draw)
        control = services.control_pid()
        pids = services.worker_pids() if victim == "worker" else [control] if control else []
        if not pids:
            continue
        pid = draw.choice(pids)
        os.kill(pid, signal.SIGKILL)
        services.wait_until(lambda pid=pid: not lives(pid))  # type: ignore[misc]
        trial.kills[victim] += 1
        if trial.kills.total() % 10 == 0:
            lines = acknowledged.read_bytes().count(b"\n")
            said = f"{trial.mode}: {trial.kills.total()} of {kills} kills, {lines:,} acknowledged requests"
            print(said, file=sys.stderr, flush=True)


def await_moment(services: Services, acknowledged: Path, victim: str, draw: random.Random) -> None:
    """Wait for the moment of the next kill.

    ``early`` waits for nothing that works, so that it hits starts and the catch-up after them. ``later`` waits until
    the victim works again. ``write`` waits, in addition, until control commits or a worker answers.
    """
    moment = draw.choices(list(MOMENTS), list(MOMENTS.values()))[0]
    if moment == "early":
        services.pause(draw.random() * EARLY_SECONDS)
        return
    if victim == "control":
        services.wait_until(services.control_is_ready)
    else:
        await_answers(services, acknowledged)
    if moment == "later":
        services.pause(draw.random() * LATER_SECONDS)
        return
    store = services.layout.store
    await_change(store.with_name(f"{store.name}.wal") if victim == "control" else acknowledged)
    time.sleep(draw.random() * WRITE_SECONDS)


def await_answers(services: Services, acknowledged: Path) -> None:
    """Wait until some requests have been answered from now on."""
    size = _size(acknowledged)
    services.wait_until(lambda: _size(acknowledged) > size + ENOUGH)


def await_change(path: Path) -> None:
    """Wait until the file's size changes, at most some seconds."""
    size, end = _size(path), time.monotonic() + MOST_SECONDS
    while _size(path) == size and time.monotonic() < end:
        time.sleep(0.0003)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def end_load(load: subprocess.Popen[str], services: Services) -> dict[str, int]:
    """End the load while the services go on; returns how many requests had which status."""
    load.terminate()
    services.wait_until(lambda: load.poll() is not None)
    assert load.stdout is not None
    if load.returncode:
        raise RuntimeError(f"the load ended with code {load.returncode}")
    statuses: dict[str, int] = json.loads(load.stdout.read())
    return statuses
