"""Measures the gateway of another checkout beside this one, in turns, so that a busy machine slows both alike."""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.wire.measures import chunks, full_load, latencies, load_in_turns
from benchmarks.wire.plan import publish_for
from benchmarks.wire.servers import Server, await_answer, ended
from fairtrial.config.layout import Layout

NOW, BEFORE, PLAIN = "gateway", "gateway before", "plain upstream"
ROUNDS = 10
T_95 = 1.833
"""The one-sided 95 % quantile of Student's t for ten pairs."""

PROGRAM = """
import sys
from pathlib import Path
from gateway.proxy.supervisor import Serving, Supervisor

supervisor = Supervisor(Serving("127.0.0.1", 0, Path(sys.argv[1]), Path(sys.argv[2]), workers=1))
supervisor.tend()
print(supervisor.port, supervisor.pids()[0], flush=True)
sys.stdin.read()
supervisor.drain()
"""
"""Runs in the other checkout, with its own Python, until its standard input ends."""


@contextmanager
def gateway_of(checkout: Path, plain: Server, folder: Path, name: str) -> Iterator[Server]:
    """The gateway of a checkout that has a ``.venv``, with one worker and the settings that it has by default."""
    folder.mkdir()
    layout = Layout(folder / "bench.duckdb").make()
    publish_for(layout.plan, plain.port)
    python = checkout / ".venv" / "bin" / "python"
    command = [str(python) if python.exists() else sys.executable, "-c", PROGRAM, str(layout.plan), str(layout.journal)]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=checkout, env=environment
    )
    with ended(process):
        assert process.stdin is not None
        assert process.stdout is not None
        port, pid = map(int, process.stdout.readline().split())
        await_answer(port)
        yield Server(name, port, pid)
        process.stdin.close()
        process.wait(30)


def requests_per_core(servers: Sequence[Server], seconds: float) -> dict[str, float]:
    """Requests for each second of CPU time under full load: the medians of some rounds, in turns."""
    rounds: dict[str, list[float]] = {server.name: [] for server in servers}
    for number in range(ROUNDS):
        for server in servers if number % 2 else servers[::-1]:
            rounds[server.name].append(full_load(server, seconds)["per_core"])
    return {name: statistics.median(found) for name, found in rounds.items()}


def compare(plain: Server, checkouts: Mapping[str, Path], folder: Path, seconds: float) -> dict[str, Any]:
    """Requests and chunks for each second of CPU time, and latency: the medians of some pairs.

    Both gateways of a pair are started for it, because a process keeps an advantage of some percent that its addresses
    in memory and its hash seed give it.
    """
    pairs = [
        _pair(plain, checkouts, folder / str(number), seconds, swapped=number % 2 == 0) for number in range(ROUNDS)
    ]
    found = {
        name: {figure: statistics.median(pair[name][figure] for pair in pairs) for figure in pairs[0][name]}
        for name in checkouts
    }
    return found | {"cpu_a_request": _cost(pairs)}


def _pair(
    plain: Server, checkouts: Mapping[str, Path], folder: Path, seconds: float, *, swapped: bool
) -> dict[str, dict[str, float]]:
    """The figures of each checkout. ``swapped``: the second one goes first, because the last is disturbed more."""
    folder.mkdir()
    with ExitStack() as stack:
        servers = [
            stack.enter_context(gateway_of(checkout, plain, folder / name.replace(" ", "-"), name))
            for name, checkout in (list(checkouts.items())[::-1] if swapped else checkouts.items())
        ]
        base, *latency = latencies([plain, *servers], seconds)
        return {
            server.name: {
                "requests_per_core": per_core,
                "chunks_per_core": chunks(server, seconds)["per_core"],
                **{f"added_{cut}": row[cut] - base[cut] for cut in ("p50_ms", "p99_ms")},
            }
            for server, per_core, row in zip(servers, load_in_turns(servers, seconds), latency, strict=True)
        }


def _cost(pairs: Sequence[dict[str, dict[str, float]]]) -> dict[str, float]:
    """The CPU of a request beside before: mean and median of the pairs' ratios, and the mean's one-sided 95 % bound."""
    logs = [math.log(pair[BEFORE]["requests_per_core"] / pair[NOW]["requests_per_core"]) for pair in pairs]
    mean, error = statistics.mean(logs), statistics.stdev(logs) / math.sqrt(len(logs))
    return {
        "ratio": math.exp(mean),
        "median": math.exp(statistics.median(logs)),
        "at_most": math.exp(mean + T_95 * error),
    }


def report(found: dict[str, Any]) -> str:
    """The figures of both gateways and their ratios, as a table."""
    lines = [f"{'median of ' + str(ROUNDS) + ' pairs':28}{'before':>12}{'now':>12}{'now/before':>12}"]
    for figure in found[NOW]:
        before, now = found[BEFORE][figure], found[NOW][figure]
        form = ",.0f" if figure.endswith("per_core") else ".3f"
        lines.append(f"{figure:28}{before:>12{form}}{now:>12{form}}{now / before:>12.3f}")
    cost = found["cpu_a_request"]
    lines.append(
        f"CPU of a request: {cost['ratio']:.3f} of before (median {cost['median']:.3f}), at most {cost['at_most']:.3f}"
    )
    return "\n".join(lines)
