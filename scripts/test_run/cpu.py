"""Runs commands and adds up their CPU seconds, by group where pytest reports groups."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.test_run.calibration import loop_seconds, slowness
from tests.cpu_by_group import CPU_FOLDER

TESTS_OUTSIDE = "pytest's controller"
"""The group of what a run of pytest used outside the processes that run the tests."""


@dataclass
class CpuRecord:
    """CPU seconds by group, the loop that calibrates them, and the wall time of all commands."""

    seconds: Counter[str] = field(default_factory=Counter)
    loops: list[float] = field(default_factory=lambda: [loop_seconds()])
    started: float = field(default_factory=time.monotonic)

    def run(self, group: str, command: Sequence[str], *, limit: float | None = None) -> int:
        """Run a command; returns its exit code, or raises `subprocess.TimeoutExpired` after ``limit`` seconds."""
        before = _children_seconds()
        with tempfile.TemporaryDirectory() as folder:
            environ = {**os.environ, CPU_FOLDER: folder}
            try:
                return _run(command, environ, limit)
            finally:
                reported = _reported(Path(folder))
                rest = _children_seconds() - before - reported.total()
                self.seconds += reported
                self.seconds[TESTS_OUTSIDE if reported else group] += max(rest, 0.0)

    @property
    def total(self) -> float:
        return self.seconds.total()

    def close(self) -> float:
        """Measure the loop again; returns how many times slower than the reference this machine is."""
        self.loops.append(loop_seconds())
        return slowness(sum(self.loops) / len(self.loops))


def _run(command: Sequence[str], environ: dict[str, str], limit: float | None) -> int:
    process = subprocess.Popen(command, env=environ)
    try:
        return process.wait(limit)
    except BaseException:
        process.terminate()
        process.wait()
        raise


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reported(folder: Path) -> Counter[str]:
    reported: Counter[str] = Counter()
    for file in folder.glob("*.json"):
        reported.update(json.loads(file.read_text()))
    return reported


def print_table(record: CpuRecord, factor: float) -> float:
    """Print CPU seconds by group, as measured and calibrated; returns the calibrated sum."""
    lines = [f"{'group':24} {'CPU s':>8} {'calibrated':>11} {'share':>7}"]
    for group, seconds in sorted(record.seconds.items(), key=lambda entry: -entry[1]):
        lines.append(f"{group:24} {seconds:8.1f} {seconds / factor:11.1f} {seconds / record.total:7.1%}")
    wall = time.monotonic() - record.started
    lines.append(f"{'all':24} {record.total:8.1f} {record.total / factor:11.1f}   {wall / 60:.1f} minutes")
    loops = ", ".join(f"{loop:.3f}" for loop in record.loops)
    lines.append(f"calibration loop: {loops} s; this machine takes {factor:.2f} times the reference")
    sys.stdout.write("\n".join(["", *lines, ""]))
    sys.stdout.flush()
    return record.total / factor
