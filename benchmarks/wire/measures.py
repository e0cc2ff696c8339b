"""The four measurements: full load, latency at a steady rate, paced chunks, many slow streams."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.wire.processes import cpu_seconds, memory
from benchmarks.wire.servers import Server

ROOT = Path(__file__).parents[2]
LOAD = Path(__file__).with_name("load.py")
CONNECTIONS, RATE, STREAMS, SLOW_SECONDS = 32, 100, 200, 30
MEBIBYTE = 2**20


def load(mode: str, ports: Sequence[int], seconds: float, number: int) -> dict[str, Any]:
    """One run of the load generator, in a separate process."""
    command = [sys.executable, str(LOAD), mode, ",".join(map(str, ports)), str(seconds), str(number)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(printed)
    return found


def full_load(server: Server, seconds: float) -> dict[str, float]:
    """Requests for each second of CPU time, and in wall-clock time."""
    load("full", [server.port], 0.5, CONNECTIONS)
    before = cpu_seconds(server.pid)
    found = load("full", [server.port], seconds, CONNECTIONS)
    return {"per_core": found["requests"] / (cpu_seconds(server.pid) - before), "per_second": found["per_second"]}


def load_in_turns(servers: Sequence[Server], seconds: float, text: str, in_flight: int) -> list[float]:
    """Requests of each server for each second of CPU time, under full load in short turns; see `turns`."""
    ports, pids = ",".join(str(one.port) for one in servers), ",".join(str(one.pid) for one in servers)
    command = [sys.executable, "-m", "benchmarks.wire.turns", ports, pids, str(seconds), str(in_flight), text]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT).stdout
    found: list[float] = json.loads(printed)
    return found


def latencies(servers: Sequence[Server], seconds: float, mode: str = "rate") -> list[dict[str, float]]:
    """Milliseconds at the median and at p99, the servers taking turns; with ``first``, until a stream's first chunk."""
    found = load(mode, [server.port for server in servers], seconds, RATE)
    rows: list[dict[str, float]] = found["ports"]
    return rows


def chunks(server: Server, seconds: float) -> dict[str, float]:
    """Chunks for each second of CPU time, over streams with a chunk each 20 ms."""
    before = cpu_seconds(server.pid)
    found = load("streams", [server.port], seconds, STREAMS)
    used = cpu_seconds(server.pid) - before
    return {"per_core": found["chunks"] / used, "per_second": found["chunks_per_second"], "broken": found["broken"]}


def slow_streams(server: Server, count: int) -> dict[str, float]:
    """Memory that so many open streams take, beyond the idle server's: the maximum of some samples."""
    idle, before = memory(server.pid), cpu_seconds(server.pid)
    command = [sys.executable, str(LOAD), "slow", str(server.port), str(SLOW_SECONDS), str(count)]
    loading = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert loading.stdout is not None
    looks = [idle]
    if loading.stdout.readline() == "open\n":
        while loading.poll() is None:
            looks.append(memory(server.pid))
            with_timeout(loading)
    found = json.loads(loading.stdout.read())
    return {
        "mib": (max(looks) - idle) / MEBIBYTE,
        "mib_median": (statistics.median(looks[1:]) - idle) / MEBIBYTE,
        "idle_mib": idle / MEBIBYTE,
        "cpu_seconds": cpu_seconds(server.pid) - before,
        **found,
    }


def with_timeout(process: subprocess.Popen[Any]) -> None:
    """Half a second, or less if the process ends sooner."""
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        return
