"""CPU of commands: each runs in a process of its own, with the processes that it starts, in pairs."""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.wire.paired import Row
from benchmarks.wire.programs import Program
from tests.fixtures.training_data.reports import as_lines, sound_rows

LOOK = "a look at 100,000 requests of 20,000 users"
CASES = 1000
ROWS = 2000
AUDIT = f"data audit of {ROWS:,} rows"
WEEK = ("100000", "20000", "6")
"""Requests and units of the week whose looks are measured, and how many looks."""
PROJECT = """\
version: 1
deployments:
  base: {{model: openai/base, base_url: "http://127.0.0.1:{upstream}/v1"}}
  tuned: {{model: openai/tuned, base_url: "http://127.0.0.1:{upstream}/v1", parent: base}}
routes:
  bot: {{deployment: base}}
"""
SUITE = """\
suite: bench
data: rows.jsonl
score: [exact]
slices: [kind]
gate:
  - exact.accuracy >= 90%
  - exact.accuracy not worse than base by 2pp
"""
GATE = "version: 1\ngate: release\nsuites: [suite.yaml]\n"


@dataclass(frozen=True)
class Work:
    """A command, measured this many times, and what it costs a program in a fresh folder."""

    name: str
    times: int
    cost: Callable[[Program, Path], float]


def works(upstream: int) -> Sequence[Work]:
    """The commands, on an upstream at this port."""

    def command(*words: str) -> Callable[[Program, Path], float]:
        return lambda program, folder: cost_of_command(program, folder, upstream, words)

    checked = ("check", "fairtrial.yaml", "suite.yaml", "release.gate.yaml")
    return (
        Work(f"eval, {CASES:,} exact cases", 3, command("eval", "suite.yaml", "--on", "base")),
        Work("check of a project, a suite and a gate", 5, command(*checked)),
        Work("--help", 10, command("--help")),
        Work(AUDIT, 3, command("data", "audit", "train.jsonl")),
        Work(LOOK, 3, _look),
    )


def pairs(programs: tuple[Program, Program], folder: Path, upstream: int) -> Iterator[Row]:
    """One row for each pair; a command that the earlier program lacks has none."""
    for work in works(upstream):
        for number in range(work.times):
            order = programs if number % 2 else programs[::-1]
            try:
                costs = {program.name: work.cost(program, _fresh(folder / "run")) for program in order}
            except Lacking:
                break
            first, second = (costs[program.name] for program in programs)
            yield Row(work.name, "CPU s", [(first, second)])


class Lacking(Exception):
    """The program does not have this work."""


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def exact_cases() -> list[dict[str, Any]]:
    """Cases that the instant upstream answers as expected."""
    return [
        {"id": f"case-{at}", "input": f"Say token-{at}", "expected": f"token-{at}", "kind": at % 7}
        for at in range(CASES)
    ]


def cost_of_command(program: Program, folder: Path, upstream: int, words: Sequence[str]) -> float:
    """CPU seconds of the command in a project of its own, which must succeed."""
    texts = {
        "rows.jsonl": "".join(json.dumps(row) + "\n" for row in exact_cases()),
        "suite.yaml": SUITE,
        "release.gate.yaml": GATE,
        "fairtrial.yaml": PROJECT.format(upstream=upstream),
        "train.jsonl": as_lines(sound_rows(ROWS, seed=1)) if "audit" in words else "",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    before = children_seconds()
    done = subprocess.run(
        [*program.command, *words],
        cwd=folder,
        env=program.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode == 2 and b"No such command" in done.stdout:
        raise Lacking
    if done.returncode not in (0, 1) or (done.returncode == 1 and "audit" not in words):
        raise RuntimeError(f"{program.name}: {' '.join(words)} ended with {done.returncode}\n{done.stdout.decode()}")
    return children_seconds() - before


def _look(program: Program, folder: Path) -> float:
    """CPU seconds of the median look."""
    if not (program.folder / "gateway/control/background/experiment_monitor.py").exists():
        raise Lacking
    command = [program.python, "-m", "benchmarks.since_work.look", str(folder), *WEEK]
    done = subprocess.run(command, cwd=folder, env=program.environment, stdout=subprocess.PIPE, check=True)
    return statistics.median(json.loads(done.stdout))


def children_seconds() -> float:
    """CPU seconds of all processes that have ended, with those that they started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
