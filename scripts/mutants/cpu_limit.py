"""Runs a command until its processes have used some CPU seconds in all (Linux): `cpu_limit.py CPU WALL COMMAND…`.

Processes that leave the tree come back to this one, so that those that tests detach are counted and ended, too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

OVER = 124
"""The exit status of a command that was stopped."""

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
POLL_SECONDS = 0.2
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Exit as the command does, and print the CPU seconds that it used."""
    most_cpu, most_wall, command = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(OVER))
    deadline = time.monotonic() + most_wall
    child = subprocess.Popen(command, stdout=sys.stderr)
    status = None
    try:
        while status is None and cpu_seconds() < most_cpu and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            status = _reap().get(child.pid)
    finally:
        _end_all()
    print(f"{cpu_seconds():.2f}")
    return OVER if status is None else os.waitstatus_to_exitcode(status)


def cpu_seconds() -> float:
    """What all descendants have used, those that have ended included."""
    times = os.times()
    ended = times.children_user + times.children_system
    return ended + sum(sum(map(int, _stat(pid)[11:15])) for pid in _descendants()) / TICKS


def _descendants() -> set[int]:
    parents = {int(path.name): int(stat[1]) for path in Path("/proc").glob("[0-9]*") if (stat := _stat(path.name))}
    found = {os.getpid()}
    while new := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= new
    return found - {os.getpid()}


def _stat(pid: int | str) -> list[str]:
    """The fields after the command's name: state, parent, and from the twelfth the ticks of the process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return []


def _reap() -> dict[int, int]:
    """The exit status of each child that has ended."""
    ended = {}
    with suppress(ChildProcessError):
        while (child := os.waitpid(-1, os.WNOHANG))[0]:
            ended[child[0]] = child[1]
    return ended


def _end_all() -> None:
    while pids := _descendants():
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _reap()
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
