"""Runs commands and adds up their CPU seconds, by group where pytest reports groups."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.test_run.calibration import REFERENCE_SECONDS, children_seconds, sample_seconds, slowness
from tests.cpu_by_group import CPU_FOLDER

PAUSE = 10.0
"""Seconds between two samples of the calibration."""
TESTS_OUTSIDE = "pytest's controller"
"""The group of what a run of pytest used outside the processes that run the tests."""


@dataclass
class CpuRecord:
    """CPU seconds by group, the samples that calibrate them, and the wall time of all commands.

    A sample is taken every few seconds while a command runs, because a shared machine's speed changes by the minute.
    """

    seconds: Counter[str] = field(default_factory=Counter)
    samples: list[float] = field(default_factory=lambda: [sample_seconds()])
    started: float = field(default_factory=time.monotonic)

    def run(self, group: str, command: Sequence[str], *, limit: float | None = None) -> int:
        """Run a command; returns its exit code, or raises `subprocess.TimeoutExpired` after ``limit`` seconds."""
        before = children_seconds() - sum(self.samples)
        with tempfile.TemporaryDirectory() as folder:
            environ = {**os.environ, CPU_FOLDER: folder}
            try:
                return self._wait(subprocess.Popen(command, env=environ), limit)
            finally:
                reported = _reported(Path(folder))
                rest = children_seconds() - sum(self.samples) - before - reported.total()
                self.seconds.update(reported)
                self.seconds[TESTS_OUTSIDE if reported else group] += max(rest, 0.0)

    @property
    def total(self) -> float:
        return self.seconds.total()

    @property
    def slowness(self) -> float:
        """How many times slower than the reference this machine was."""
        return slowness(self.samples)

    def _wait(self, process: subprocess.Popen[bytes], limit: float | None) -> int:
        deadline = math.inf if limit is None else time.monotonic() + limit
        try:
            while time.monotonic() < deadline:
                try:
                    return process.wait(min(PAUSE, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    self.samples.append(sample_seconds())
            raise subprocess.TimeoutExpired(process.args, limit or 0.0)
        except BaseException:
            process.terminate()
            process.wait()
            raise


def _reported(folder: Path) -> Counter[str]:
    reported: Counter[str] = Counter()
    for file in folder.glob("*.json"):
        reported.update(json.loads(file.read_text()))
    return reported


def print_table(record: CpuRecord) -> float:
    """Print CPU seconds by group, as measured and calibrated; returns the calibrated sum."""
    factor = record.slowness
    lines = [f"{'group':24} {'CPU s':>8} {'calibrated':>11} {'share':>7}"]
    for group, seconds in sorted(record.seconds.items(), key=lambda entry: -entry[1]):
        lines.append(f"{group:24} {seconds:8.1f} {seconds / factor:11.1f} {seconds / record.total:7.1%}")
    wall = time.monotonic() - record.started
    lines.append(f"{'all':24} {record.total:8.1f} {record.total / factor:11.1f}   {wall / 60:.1f} minutes")
    low, high = min(record.samples) / REFERENCE_SECONDS, max(record.samples) / REFERENCE_SECONDS
    lines.append(
        f"this machine took {factor:.2f} times the reference ({len(record.samples)} samples, {low:.2f} to {high:.2f})"
    )
    sys.stdout.write("\n".join(["", *lines, ""]))
    sys.stdout.flush()
    return record.total / factor
