"""Measures the CPU seconds of the tests by group, with every process that they start.

`scripts/test_run` names a folder in `CPU_FOLDER`; each process of pytest writes its figures there. A group is charged
with all that runs while its tests do: itself, services that a session shares, and commands. Linux only; elsewhere the
tests run without figures.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

CPU_FOLDER = "FAIRTRIAL_TEST_CPU"
"""The environment variable that names the folder; without it, nothing is measured."""
GROUPS = {
    "tests/unit/": "unit",
    "tests/contract/": "unit",
    "tests/architecture/": "unit",
    "tests/docs/": "docs",
    "tests/conformance/": "conformance",
    "tests/integration/commands/": "commands",
    "tests/integration/store/": "store",
    "tests/integration/control/": "control",
    "tests/integration/services/": "services",
    "tests/integration/": "gateway",
    "tests/e2e/": "browser",
}
"""The beginning of a test's path → its group; the first that fits counts."""
TICKS = os.sysconf("SC_CLK_TCK")
CPU_FIELDS = slice(11, 15)
"""utime, stime, cutime and cstime, counted from the field after the name in ``/proc/PID/stat``."""


def cpu_of_tree(pid: int) -> float:
    """CPU seconds of a process, of its living descendants, and of all that these have waited for."""
    ticks, pids = 0, [pid]
    while pids:
        folder = Path("/proc") / str(pids.pop())
        with suppress(OSError):  # it ended meanwhile; its parent has its time
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[CPU_FIELDS])
            for task in (folder / "task").iterdir():
                with suppress(OSError):  # a thread that ended meanwhile
                    pids += [int(child) for child in (task / "children").read_text().split()]
    return ticks / TICKS


def group_of(nodeid: str) -> str:
    return next((group for start, group in GROUPS.items() if nodeid.startswith(start)), "other")


class CpuByGroup:
    """Charges the CPU since the last change of file to the group of that file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seconds: Counter[str] = Counter()
        self._at = 0.0
        self._path = ""
        self._group = "start and collection"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        path = item.nodeid.partition("::")[0]
        if path != self._path:
            self._charge()
            self._path, self._group = path, group_of(path)
        return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        self._charge()
        self._file.write_text(json.dumps(self._seconds))

    def _charge(self) -> None:
        now = max(cpu_of_tree(os.getpid()), self._at)  # less if a process ended while its parent was being read
        self._seconds[self._group] += now - self._at
        self._at = now


def register(config: pytest.Config) -> None:
    """Measure this process if the environment asks for it and it runs tests itself."""
    folder = os.environ.get(CPU_FOLDER)
    controller = bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")
    if folder and not controller and Path("/proc/self/task").is_dir():
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        config.pluginmanager.register(CpuByGroup(Path(folder) / f"{worker}.json"))
