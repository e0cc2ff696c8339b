"""Ctrl-C ends the demo in time, also if a program that it has started does not stop by itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from fairtrial.domain.errors import INTERRUPTED
from tests.fixtures.paths import ROOT

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
DEMO = """
import os, sys, time
from pathlib import Path
from fairtrial_cli.processes.signals import interruption
from fairtrial_cli.processes.children import Child, Program

log = Path(sys.argv[1])
child = Child(Program("stubborn", [sys.executable, "-c", sys.argv[2]], os.environ, log))
try:
    with interruption() as limits:
        limits.watch(lambda: [child])
        try:
            child.start()
            while "up" not in log.read_text():
                time.sleep(0.01)
            print(child.pid, flush=True)
            time.sleep(600)
        finally:
            CLEANUP
except KeyboardInterrupt:
    sys.exit(130)
"""


def interrupted(log: Path, cleanup: str) -> tuple[int, int]:
    """The exit code after Ctrl-C, and the process id of the stubborn program."""
    program = [sys.executable, "-c", DEMO.replace("CLEANUP", cleanup), str(log), STUBBORN]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        pid = int(demo.stdout.readline())
        demo.send_signal(signal.SIGINT)
        return demo.wait(60), pid


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_program_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    code, pid = interrupted(tmp_path / "log", "child.end()")
    assert code == INTERRUPTED and not is_alive(pid)


def test_the_demo_exits_even_if_its_own_cleanup_hangs(tmp_path: Path) -> None:
    code, pid = interrupted(tmp_path / "log", "time.sleep(600)")
    assert code == INTERRUPTED and not is_alive(pid)
