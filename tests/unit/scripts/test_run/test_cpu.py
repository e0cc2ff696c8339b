"""CPU seconds are charged to the group that used them, with all processes below it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from scripts.test_run import cpu
from scripts.test_run.calibration import REFERENCE_SECONDS, sample_seconds
from scripts.test_run.cpu import TESTS_OUTSIDE, CpuRecord, print_table
from tests.cpu_by_group import cpu_of_tree, group_of
from tests.fixtures.paths import ROOT

BURN = "import time\nwhile time.process_time() < 0.5: pass\n"
IN_A_CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}], check=True)\n"


def test_a_command_is_charged_with_what_its_children_used() -> None:
    record = CpuRecord()
    assert record.run("linters", [sys.executable, "-c", IN_A_CHILD]) == 0
    assert record.seconds["linters"] >= 0.5


def test_samples_are_not_charged_to_the_command_beside_which_they_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enough, record = tmp_path / "enough", CpuRecord()

    def sample() -> float:
        if len(record.samples) > 5:
            enough.touch()
        return sample_seconds()

    monkeypatch.setattr(cpu, "PAUSE", 0.01)
    monkeypatch.setattr(cpu, "sample_seconds", sample)
    wait = f"import os, time\nwhile not os.path.exists({str(enough)!r}): time.sleep(0.01)"
    assert record.run("linters", [sys.executable, "-I", "-S", "-c", wait]) == 0
    assert 0 < record.seconds["linters"] < sum(record.samples[1:])


def test_a_living_child_counts_for_the_tree_of_its_parent() -> None:
    before = cpu_of_tree(os.getpid())
    code = BURN + "print('done', flush=True)\nimport time; time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"done\n"
        used = cpu_of_tree(os.getpid()) - before
        child.kill()
    assert used >= 0.4


def test_threads_that_end_meanwhile_hide_nothing() -> None:
    ended = threading.Event()
    beside = threading.Thread(target=_start_threads, args=(ended,))
    beside.start()
    try:
        seconds = [cpu_of_tree(os.getpid()) for _ in range(300)]
    finally:
        ended.set()
        beside.join()
    assert seconds == sorted(seconds)
    assert seconds[0] > 0


def _start_threads(ended: threading.Event) -> None:
    while not ended.is_set():
        threads = [threading.Thread(target=int) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def test_pytest_reports_its_groups_and_the_rest_is_the_controllers(tmp_path: Path) -> None:
    file = "tests/unit/scripts/test_run/test_cpu.py::test_a_path_belongs_to_one_group"
    record = CpuRecord()
    assert record.run("tests", [sys.executable, "-m", "pytest", "-q", f"--basetemp={tmp_path / 'inner'}", file]) == 0
    assert set(record.seconds) == {"start and collection", "unit", TESTS_OUTSIDE}


def test_a_path_belongs_to_one_group() -> None:
    folders = {"/".join(path.relative_to(ROOT).parts[:3]) for path in (ROOT / "tests").rglob("test_*.py")}
    assert [folder for folder in sorted(folders) if group_of(f"{folder}/test_a.py::test_b") == "other"] == []
    assert group_of("tests/integration/store/test_a.py::test_b") == "store"
    assert group_of("tests/integration/wire/test_a.py::test_b") == "gateway"


def test_the_table_divides_by_how_slow_the_machine_is(capsys: pytest.CaptureFixture[str]) -> None:
    record = CpuRecord(samples=[3 * REFERENCE_SECONDS])
    record.seconds["unit"] = 90.0
    assert print_table(record) == pytest.approx(30.0)
    assert "90.0" in capsys.readouterr().out
