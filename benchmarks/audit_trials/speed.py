"""Measures time and memory of the audit, of other cleaners, and of the audit of an earlier commit in the same run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fixtures.paths import ROOT
from tests.fixtures.training_data.reports import as_lines, sound_rows

ROOM = Path.home() / ".cache" / "fairtrial-bench" / "cleaners"
CLEANERS = ("presidio-analyzer==2.2.366", "datatrove==0.10.1")
MOST_RATIO, MOST_MIB = 1.1, 500
"""The limits: CPU seconds beside the earlier commit, and the peak of memory."""
AUDIT = """
import json, resource, sys, time
from pathlib import Path
from evaluators.training_data.audit import CHECKS
from evaluators.training_data.checks.personal_text import find_kinds
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example_file import read_examples
began, start = time.perf_counter(), time.process_time()
file = read_examples(Path(sys.argv[1]))
corpus, finds = Corpus((file,), ("train",)), 0
steps, last = {"reading": time.process_time() - start}, time.process_time()
if sys.argv[2] == "all":
    for name in CHECKS.names():
        finds += len(CHECKS.get(name).find(corpus))
        steps[name], last = time.process_time() - last, time.process_time()
else:
    began, start = time.perf_counter(), time.process_time()
    finds = len(list(find_kinds(corpus)))
print(json.dumps({"rows": len(file.examples), "finds": finds, "seconds": time.perf_counter() - began,
    "cpu_seconds": time.process_time() - start, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "steps": steps}), flush=True)
"""

Figures = dict[str, dict[str, Any]]


def measure_speed(rows: int, other_rows: int) -> Figures:
    """Time and memory of each cleaner, each in a process of its own."""
    python = _environment()
    with _generated(rows) as path:
        cleaner = str(Path(__file__).with_name("cleaners.py"))
        calls = {
            "audit, all checks": _audit(path, "all"),
            "audit, personal text": _audit(path, "personal"),
            "Presidio's patterns": [str(python), cleaner, "presidio", str(path), str(min(rows, other_rows))],
            "datatrove's formatter": [str(python), cleaner, "datatrove", str(path), str(rows)],
        }
        return {
            "audit, all checks": figures(_audit(path, "all")),
            **{name: figures(call) for name, call in calls.items()},
        }


def measure_against(commit: str, rows: int, rounds: int) -> Figures:
    """The audit of this tree and of an earlier commit in turns; of each the round with the least CPU time."""
    best: Figures = {}
    with _generated(rows) as path, _worktree(commit) as earlier:
        for _ in range(rounds):
            for name, folder in ((commit, earlier), ("this tree", ROOT)):
                measured = figures(_audit(path, "all"), folder)
                if name not in best or measured["cpu_seconds"] < best[name]["cpu_seconds"]:
                    best[name] = measured
    return best


def _audit(path: Path, part: str) -> list[str]:
    return [sys.executable, "-c", AUDIT, str(path), part]


def figures(call: list[str], folder: Path = ROOT) -> dict[str, Any]:
    """What a process measures of itself, with CPU time for 1,000 rows."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(call, capture_output=True, text=True, check=True, cwd=folder, env=environment)
    measured: dict[str, Any] = next(json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    return {**measured, "cpu_per_1000": 1000 * measured["cpu_seconds"] / measured["rows"]}


@contextmanager
def _generated(rows: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text(as_lines(sound_rows(rows, seed=1)), encoding="utf-8")
        yield path


@contextmanager
def _worktree(commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "earlier"
        add = ["git", "worktree", "add", "--detach", str(tree), commit]
        subprocess.run(add, check=True, cwd=ROOT, capture_output=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], check=True, cwd=ROOT)


def _environment() -> Path:
    python = ROOM / "bin" / "python"
    if not (ROOM / "installed").exists():
        print(f"installing {' and '.join(CLEANERS)} into {ROOM} (once; some minutes)", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(ROOM)], check=True)
        subprocess.run([str(ROOM / "bin" / "pip"), "install", "--quiet", *CLEANERS], check=True)
        (ROOM / "installed").touch()
    return python


def print_speed(found: Figures, base: str) -> None:
    """A table; the ratio is CPU time for each row, against the row ``base``."""
    print(f"{'':<24}{'rows':>9}{'seconds':>9}{'CPU s':>8}{'CPU s/1000':>12}{'ratio':>8}{'peak MiB':>10}")
    for name, of in found.items():
        print(
            f"{name:<24}{of['rows']:>9,.0f}{of['seconds']:>9.1f}{of['cpu_seconds']:>8.1f}{of['cpu_per_1000']:>12.3f}"
            f"{of['cpu_per_1000'] / found[base]['cpu_per_1000']:>8.2f}{of['peak_mib']:>10.0f}"
        )


def print_against(found: Figures, commit: str) -> bool:
    """The table with the CPU seconds of each check, and whether the limits hold."""
    print_speed(found, commit)
    before, now = found[commit], found["this tree"]
    steps = [of["steps"] for of in found.values()]
    for name in dict.fromkeys(name for of in steps for name in of):
        shown = "".join(f"{of[name]:>8.1f}" if name in of else f"{'–':>8}" for of in steps)
        print(f"  {name:<22}{shown}")
    ratio = now["cpu_seconds"] / before["cpu_seconds"]
    holds: bool = ratio <= MOST_RATIO and now["peak_mib"] <= MOST_MIB
    limits = f"(limits {MOST_RATIO} and {MOST_MIB})"
    print(f"{ratio:.2f} times the CPU seconds of {commit}, {now['peak_mib']:.0f} MiB {limits}")
    return holds
