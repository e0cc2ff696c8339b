"""Measures the gateway of another program beside this one, in turns, so that a busy machine slows both alike."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.wire.measures import chunks, full_load, latencies, load_in_turns
from benchmarks.wire.paired import Row
from benchmarks.wire.plan import publish_for
from benchmarks.wire.programs import Program
from benchmarks.wire.servers import Server, await_answer, ended
from fairtrial.config.layout import Layout

ROUNDS = 10
LOADS = (("clean", 64), ("dated", 64), ("clean", 1), ("dated", 1), ("128 kB", 16))
"""The text of the requests, by its name in `load`, and how many are in flight."""

LATENCIES = (
    ("rate", "added latency at 100 a second, p50"),
    ("first", "a stream's first chunk at 100 a second, added p50"),
)
"""A mode of `load`, and the name of what it measures."""
CHUNK = "a streamed chunk, 200 streams"

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
"""Runs with the other program's packages until its standard input ends."""


def work_of(text: str, in_flight: int) -> str:
    """The name of what a load measures."""
    return f"a request, {text} text, {in_flight} in flight"


def works() -> list[str]:
    """The names of the rows."""
    return [*(work_of(*load) for load in LOADS), CHUNK, *(work for _, work in LATENCIES)]


@contextmanager
def gateway_of(program: Program, plain: Server, folder: Path) -> Iterator[Server]:
    """The program's gateway, with one worker and the settings that it has by default."""
    folder.mkdir(parents=True)
    layout = Layout(folder / "bench.duckdb").make()
    publish_for(layout.plan, plain.port)
    command = [program.python, "-c", PROGRAM, str(layout.plan), str(layout.journal)]
    log = (folder / "gateway.log").open("wb")
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        cwd=folder,
        env=program.environment,
    )
    with log, ended(process):
        assert process.stdin is not None
        assert process.stdout is not None
        port, pid = map(int, process.stdout.readline().split())
        await_answer(port)
        yield Server(program.name, port, pid)
        process.stdin.close()
        process.wait(30)


def requests_per_core(servers: Sequence[Server], seconds: float) -> dict[str, float]:
    """Requests for each second of CPU time under full load: the medians of some rounds, in turns."""
    rounds: dict[str, list[float]] = {server.name: [] for server in servers}
    for number in range(ROUNDS):
        for server in servers if number % 2 else servers[::-1]:
            rounds[server.name].append(full_load(server, seconds)["per_core"])
    return {name: statistics.median(found) for name, found in rounds.items()}


def pairs(
    plain: Server, programs: tuple[Program, Program], folder: Path, seconds: float, rounds: int = ROUNDS
) -> Iterator[Row]:
    """CPU of a request under each load, CPU of a chunk, and added latency; each round yields all rows.

    Both gateways of a round are started for it, because a process keeps an advantage of some percent that its addresses
    in memory and its hash seed give it. Every other round the second goes first, because the last is disturbed more.
    """
    for number in range(rounds):
        with ExitStack() as stack:
            servers = [
                stack.enter_context(gateway_of(program, plain, folder / str(number) / str(place)))
                for place, program in list(enumerate(programs))[:: 1 if number % 2 else -1]
            ]
            for row in _round(plain, servers, seconds):
                yield row if number % 2 else Row(row.work, row.unit, [(now, before) for before, now in row.pairs])


def _round(plain: Server, servers: Sequence[Server], seconds: float) -> Iterator[Row]:
    """The figures of two servers, in their order."""
    for text, in_flight in LOADS:
        first, second = load_in_turns(servers, seconds, text, in_flight)
        yield Row(work_of(text, in_flight), "µs of CPU", [(1e6 / first, 1e6 / second)])
    first, second = (chunks(server, seconds)["per_core"] for server in servers)
    yield Row(CHUNK, "µs of CPU", [(1e6 / first, 1e6 / second)])
    for mode, work in LATENCIES:
        base, *latency = (row["p50_ms"] for row in latencies([plain, *servers], seconds, mode))
        first, second = (p50 - base for p50 in latency)
        yield Row(work, "ms", [(first, second)])
