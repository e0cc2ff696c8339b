"""Measures the demo as a newcomer sees it: first verdict, end, longest silence, and how fast Ctrl-C ends it.

python benchmarks/demo.py --runs 3           three runs without a dashboard, as `make demo ARGS=--no-wait`
python benchmarks/demo.py --busy 2           the same while two other processes keep two cores busy
python benchmarks/demo.py --interrupt 5,30   Ctrl-C after so many seconds, in one run each
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.fixtures.services.process_tree import Tree  # noqa: E402

SPIN = "while True: pass"
VERDICTS = ("BLOCK", "SHIP", "HOLD", "INVALID", "Unofficial")
SHOWN = ("This machine", "The machine", "To end sooner", "Everything above", *VERDICTS)


@dataclass(slots=True)
class Seen:
    """Lines with the seconds at which they came."""

    began: float = field(default_factory=time.monotonic)
    lines: list[tuple[float, str]] = field(default_factory=list)

    def add(self, line: str) -> None:
        self.lines.append((time.monotonic() - self.began, line))
        if line.startswith(SHOWN):
            print(f"{self.lines[-1][0]:7.1f} s  {line}", flush=True)

    @property
    def first_verdict(self) -> float | None:
        return next((at for at, line in self.lines if line.startswith(VERDICTS)), None)

    def longest_silence(self, end: float) -> float:
        times = [0.0, *(at for at, _ in self.lines), end]
        return max(later - earlier for earlier, later in itertools.pairwise(times))


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep this many cores busy while the context lasts."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def start(folder: str, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fairtrial_cli.main", "demo", "--folder", f"{folder}/demo", *options]
    environ = os.environ | {"PYTHONUNBUFFERED": "1"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=ROOT, text=True, env=environ, **streams)  # type: ignore[call-overload,no-any-return]


def run(options: list[str]) -> None:
    """One whole run, with its times."""
    with tempfile.TemporaryDirectory() as folder:
        seen, process = Seen(), start(folder, "--no-wait", *options)
        for line in process.stdout or ():
            seen.add(line.rstrip("\n"))
        code = process.wait()
    end = time.monotonic() - seen.began
    first = "none" if seen.first_verdict is None else f"{seen.first_verdict:.0f} s"
    silence = seen.longest_silence(end)
    print(f"first verdict {first}, end {end:.0f} s, longest silence {silence:.1f} s, exit code {code}\n", flush=True)


def interrupt(after: float) -> None:
    """Ctrl-C after so many seconds; the time until all of its processes have ended."""
    with tempfile.TemporaryDirectory() as folder:
        process = start(folder)
        time.sleep(after)
        tree = Tree(process.pid)
        began, running = time.monotonic(), len(tree.alive())
        process.send_signal(signal.SIGINT)
        process.communicate()
        while tree.alive():
            time.sleep(0.01)
        took = time.monotonic() - began
    ended = f"{running} processes ended in {took:.1f} s, exit code {process.returncode}"
    print(f"Ctrl-C after {after:.0f} s: {ended}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--busy", type=int, default=0, help="processes that keep cores busy")
    parser.add_argument("--interrupt", default="", help="seconds, separated by commas")
    parser.add_argument("--full", action="store_true", help="judge all four fine-tunes")
    options = parser.parse_args()
    with busy(options.busy):
        for after in filter(None, options.interrupt.split(",")):
            interrupt(float(after))
        for _ in range(0 if options.interrupt else options.runs):
            run(["--full"] if options.full else [])


if __name__ == "__main__":
    main()
