"""Reads from /proc what a process and its children have used: seconds of CPU and memory."""

from __future__ import annotations

import os
from pathlib import Path


def tree(pid: int) -> list[int]:
    """A process, its children, and their children."""
    parents = {int(entry.name): _parent(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = [pid]
    for one in found:  # grows while it is walked
        found += [child for child, parent in parents.items() if parent == one]
    return found


def cpu_seconds(pid: int, *, alone: bool = False) -> float:
    """CPU time that a process and, unless ``alone``, its living children have used."""
    return _cpu(pid) if alone else sum(_cpu(one) for one in tree(pid))


def switches(pid: int) -> int:
    """Voluntary context switches of a process: how often its threads have begun to wait."""
    states = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int(state.partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for state in states)


def memory(pid: int) -> int:
    """Bytes that a process and its children have in memory, shared pages counted for each."""
    return sum(_rss(one) for one in tree(pid))


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0  # it has ended meanwhile


def _cpu(pid: int) -> float:
    """Of all its threads, in nanoseconds by the scheduler's own count."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def _rss(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
