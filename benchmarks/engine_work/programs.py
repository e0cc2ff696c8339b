"""Programs that evaluate 1,000 exact cases in a separate process: `fairtrial eval`, its peers, and the floor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.since_work.commands import children_seconds, cost_of_command, exact_cases
from benchmarks.wire.programs import Program, installed_packages

HERE = Path(__file__).parent
OURS = "fairtrial eval"
CONCURRENCY = 50
PROMPTFOO = "promptfoo@0.121.20"
"""The last version that runs on Node 20."""
INSPECT = ("inspect-ai==0.3.285", "openai==3.57.0")
QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "CI": "1",
}
TASK = """\
from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import exact
from inspect_ai.solver import generate


@task
def bench():
    rows = json_dataset("rows.jsonl", FieldSpec(input="input", target="expected", id="id"))
    return Task(dataset=rows, solver=generate(), scorer=exact())
"""


@dataclass(frozen=True)
class Evaluation:
    """A program that evaluates the cases in an empty folder against a port, and what that costs in CPU seconds.

    ``cost`` raises `RuntimeError` unless the stored result says that all answers are right.
    """

    name: str
    cost: Callable[[Path, int], float]


def ours(program: Program, characters: int, name: str = OURS) -> Evaluation:
    """This product from a checkout; its results are in its store."""

    def cost(folder: Path, port: int) -> float:
        words = ("eval", "suite.yaml", "--on", "base", "--concurrency", str(CONCURRENCY))
        used = cost_of_command(program, folder, port, words, characters=characters)
        listing = _output([*program.command, "runs", "list", "--json"], folder, program.environment)
        _require_all_right(name, [run["metrics"]["exact.accuracy"] for run in json.loads(listing)])
        return used

    return Evaluation(name, cost)


def bare(characters: int) -> Evaluation:
    """A loop of aiohttp that stores nothing."""

    def cost(folder: Path, port: int) -> float:
        _write_rows(folder, characters)
        command = [sys.executable, str(HERE / "bare.py"), str(port), "rows.jsonl", str(CONCURRENCY)]
        before = children_seconds()
        share = _output(command, folder, os.environ)
        used = children_seconds() - before
        _require_all_right("the bare loop", [float(share)])
        return used

    return Evaluation("bare aiohttp loop", cost)


def peers(cache: Path, characters: int) -> Iterator[Evaluation]:
    """The peers that can be installed below this folder; the others are named on stderr."""
    for name, install in (("promptfoo", _promptfoo), ("Inspect AI", _inspect)):
        try:
            yield Evaluation(name, install(cache, characters))
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{name} can't be installed, so it is left out: {error}", file=sys.stderr, flush=True)


def _promptfoo(cache: Path, characters: int) -> Callable[[Path, int], float]:
    """From npm; its results are in its SQLite database."""
    room = cache / PROMPTFOO
    program = room / "node_modules" / ".bin" / "promptfoo"
    if not program.exists():
        print(f"installing {PROMPTFOO} into {room} (once; some minutes)", file=sys.stderr, flush=True)
        room.mkdir(parents=True, exist_ok=True)
        (room / "package.json").write_text('{"private": true}', encoding="utf-8")  # npm 11 installs nothing without it
        command = ["npm", "install", "--silent", "--prefix", str(room), PROMPTFOO]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    def cost(folder: Path, port: int) -> float:
        tests = [
            {"vars": {"input": case["input"]}, "assert": [{"type": "equals", "value": case["expected"]}]}
            for case in exact_cases(characters)
        ]
        provider = {"id": "openai:chat:base", "config": {"apiBaseUrl": _url(port), "apiKey": "none"}}
        config = {"prompts": ["{{input}}"], "providers": [provider], "tests": tests}
        (folder / "promptfooconfig.json").write_text(json.dumps(config), encoding="utf-8")
        options = ("--no-cache", "--no-table", "--no-progress-bar", "-j", str(CONCURRENCY))
        environment = {**os.environ, **QUIET, "HOME": str(folder), "PROMPTFOO_CONFIG_DIR": str(folder / "state")}
        before = children_seconds()
        _output([str(program), "eval", "-c", "promptfooconfig.json", *options], folder, environment)
        used = children_seconds() - before
        _output([str(program), "export", "eval", "latest", "-o", "results.json"], folder, environment)
        stats = json.loads((folder / "results.json").read_text(encoding="utf-8"))["results"]["stats"]
        _require_all_right("promptfoo", [stats["successes"] / len(tests)])
        return used

    _output([str(program), "--version"], room, os.environ | QUIET)
    return cost


def _inspect(cache: Path, characters: int) -> Callable[[Path, int], float]:
    """From PyPI; its results are in its log file."""
    program = str(installed_packages(cache / INSPECT[0], INSPECT, "inspect") / "inspect")

    def cost(folder: Path, port: int) -> float:
        _write_rows(folder, characters)
        (folder / "task.py").write_text(TASK, encoding="utf-8")
        environment = {**os.environ, "HOME": str(folder), "BENCH_BASE_URL": _url(port), "BENCH_API_KEY": "none"}
        options = ("--model", "openai-api/bench/base", "--max-connections", str(CONCURRENCY), "--display", "none")
        before = children_seconds()
        _output([program, "eval", "task.py", *options, "--log-dir", "logs"], folder, environment)
        used = children_seconds() - before
        (log,) = (folder / "logs").iterdir()
        header = json.loads(_output([program, "log", "dump", "--header-only", str(log)], folder, environment))
        if header["status"] != "success":
            raise RuntimeError(f"Inspect AI: {header['error']['message']}")
        _require_all_right("Inspect AI", [score["metrics"]["mean"]["value"] for score in header["results"]["scores"]])
        return used

    _output([program, "--version"], cache, os.environ)
    return cost


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/v1"


def _write_rows(folder: Path, characters: int) -> None:
    lines = (json.dumps(row) + "\n" for row in exact_cases(characters))
    (folder / "rows.jsonl").write_text("".join(lines), encoding="utf-8")


def _output(command: Sequence[str], folder: Path, environment: Any) -> str:
    """What a command prints, which must succeed."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True)
    if done.returncode:
        print(done.stderr.decode(errors="replace"), file=sys.stderr)
    done.check_returncode()
    return done.stdout.decode()


def _require_all_right(name: str, shares: Sequence[float]) -> None:
    if list(shares) != [1.0]:
        raise RuntimeError(f"{name}: shares of right answers {shares} instead of [1.0]")
