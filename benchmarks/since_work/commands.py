"""CPU of commands: each runs in a process of its own, with the processes that it starts, in pairs."""

from __future__ import annotations

import json
import os
import random
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
LONG = 500
"""Characters of a long answer."""
ROWS, MANY_ROWS = 2000, 20_000
AUDIT = f"data audit of {ROWS:,} rows"
AUDIT_MEMORY = f"data audit of {MANY_ROWS:,} rows, peak of memory"
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
PROSE = (
    "we have looked into what you wrote about your order and can see that it left the warehouse on the day before "
    "yesterday so it should reach you within three working days if nobody is at home the driver will leave a note with "
    "the address of the nearest shop where you may collect it please bring this message"
)
"""The words of long answers, so that they have a language."""
GATE = "version: 1\ngate: release\nsuites: [suite.yaml]\n"


@dataclass(frozen=True)
class Work:
    """A command, measured this many times, and what it costs a program in a fresh folder."""

    name: str
    times: int
    cost: Callable[[Program, Path], float]
    unit: str = "CPU s"


def works(upstream: int) -> Sequence[Work]:
    """The commands, on an upstream at this port."""

    def command(*words: str, characters: int = 0) -> Callable[[Program, Path], float]:
        return lambda program, folder: cost_of_command(program, folder, upstream, words, characters=characters)

    def memory(program: Program, folder: Path) -> float:
        return (
            usage_of_command(program, folder, upstream, ("data", "audit", "train.jsonl"), rows=MANY_ROWS).ru_maxrss
            / 1024
        )

    evaluation = ("eval", "suite.yaml", "--on", "base")
    checked = ("check", "fairtrial.yaml", "suite.yaml", "release.gate.yaml")
    return (
        Work(f"eval, {CASES:,} exact cases", 3, command(*evaluation)),
        Work(f"eval, {CASES:,} answers of {LONG} characters", 3, command(*evaluation, characters=LONG)),
        Work("check of a project, a suite and a gate", 5, command(*checked)),
        Work("--help", 10, command("--help")),
        Work(AUDIT, 3, command("data", "audit", "train.jsonl")),
        Work(AUDIT_MEMORY, 3, memory, "MiB"),
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
            yield Row(work.name, work.unit, [(first, second)])


class Lacking(Exception):
    """The program does not have this work."""


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def exact_cases(characters: int = 0) -> list[dict[str, Any]]:
    """Cases that the instant upstream answers as expected, with so many characters or a few more."""
    tokens = [f"token-{at}{_tail(at, characters)}" for at in range(CASES)]
    return [
        {"id": f"case-{at}", "input": f"Say {token}", "expected": token, "kind": at % 7}
        for at, token in enumerate(tokens)
    ]


def _tail(seed: int, characters: int) -> str:
    """Words with hyphens, because the upstream returns one token."""
    generator, words, tail = random.Random(seed), PROSE.split(), ""
    while len(tail) < characters:
        tail += f"-{generator.choice(words)}"
    return tail


def cost_of_command(
    program: Program, folder: Path, upstream: int, words: Sequence[str], *, characters: int = 0
) -> float:
    """CPU seconds of the command in a project of its own, which must succeed."""
    used = usage_of_command(program, folder, upstream, words, characters=characters)
    return used.ru_utime + used.ru_stime


def usage_of_command(
    program: Program, folder: Path, upstream: int, words: Sequence[str], *, characters: int = 0, rows: int = ROWS
) -> resource.struct_rusage:
    """What the command, which must succeed, and the processes that it starts use in a project of its own."""
    texts = {
        "rows.jsonl": "".join(json.dumps(row) + "\n" for row in exact_cases(characters)),
        "suite.yaml": SUITE,
        "release.gate.yaml": GATE,
        "fairtrial.yaml": PROJECT.format(upstream=upstream),
        "train.jsonl": as_lines(sound_rows(rows, seed=1)) if "audit" in words else "",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    output = folder / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*program.command, *words], cwd=folder, env=program.environment, stdout=file, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode == 2 and b"No such command" in output.read_bytes():
        raise Lacking
    if process.returncode not in (0, 1) or (process.returncode == 1 and "audit" not in words):
        raise RuntimeError(f"{program.name}: {' '.join(words)} ended with {process.returncode}\n{output.read_text()}")
    return used


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
