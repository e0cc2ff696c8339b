"""The gateway beside the plain upstream, in one run: requests a second of a core, added latency, streamed chunks.

``python benchmarks/gateway.py [--seconds N] [--json]``. One worker, recording on, bodies redacted and about 1 KB each
way, an experiment of two arms. Upstream, gateway and load generator are processes of their own; the baseline is named
"plain upstream". Per core means: for each second of CPU time that the worker used, so that the figure does not depend
on how the cores are shared; what was reached in wall-clock time is printed beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)  # this file has the name of a package, and must not be found in its place

from fairtrial.config.hashes import plan_hash  # noqa: E402
from fairtrial.config.layout import Layout  # noqa: E402
from fairtrial.config.published import publish  # noqa: E402
from fairtrial.domain.plan import Deployment, Experiment, Plan, Published, Route, Variant  # noqa: E402
from gateway.proxy.supervisor import Serving, Supervisor  # noqa: E402

CONNECTIONS, RATE, STREAMS = 32, 100, 200


def plan_for(port: int) -> Plan:
    """One experiment of two arms, both on the instant upstream."""
    url = f"http://127.0.0.1:{port}/v1"
    deployments = {
        name: Deployment(name=name, provider="openai", model=name, base_url=url) for name in ("base", "tuned")
    }
    variants = (Variant("base", "base", 50.0), Variant("tuned", "tuned", 50.0, params={"temperature": 0.2}))
    trial = Experiment("trial", "?", "user", "base", variants, salt="s", stage=100.0)
    plan = Plan(deployments, {"bench": Route("bench", experiment="trial")}, {"trial": trial})
    return replace(plan, plan_hash=plan_hash(plan))


@contextmanager
def upstream() -> Iterator[int]:
    """The instant upstream's port."""
    process = subprocess.Popen([sys.executable, str(HERE / "instant_upstream.py")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


@contextmanager
def gateway(port: int, folder: Path) -> Iterator[tuple[int, int]]:
    """The gateway's port and its one worker's pid."""
    layout = Layout(folder / "bench.duckdb").make()
    publish(layout.plan, Published(plan_for(port), "open", (), "pepper"))
    supervisor = Supervisor(Serving("127.0.0.1", 0, layout.plan, layout.journal, workers=1))
    supervisor.tend()
    try:
        load(supervisor.port, "full", 1, 4)
        yield supervisor.port, supervisor.pids()[0]
    finally:
        supervisor.drain()


def load(port: int, mode: str, seconds: float, number: int) -> dict[str, float]:
    """One run of the load generator, in a process of its own."""
    command = [sys.executable, str(HERE / "load.py"), str(port), mode, str(seconds), str(number)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, float] = json.loads(printed)
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(seconds: float) -> dict[str, Any]:
    """All figures; ``seconds`` bounds the measuring time in all."""
    each = max(1.0, seconds / 6)
    with upstream() as plain, tempfile.TemporaryDirectory() as folder, gateway(plain, Path(folder)) as (port, pid):
        base_full = load(plain, "full", each, CONNECTIONS)["per_second"]
        before = cpu_seconds(pid)
        full = load(port, "full", each, CONNECTIONS)["per_second"]
        used = cpu_seconds(pid) - before
        base_rate, rate = load(plain, "rate", each, RATE), load(port, "rate", each, RATE)
        base_chunks = load(plain, "streams", each, STREAMS)["chunks_per_second"]
        before = cpu_seconds(pid)
        chunks = load(port, "streams", each, STREAMS)["chunks_per_second"]
        stream_used = cpu_seconds(pid) - before
    return {
        "cores": os.cpu_count(),
        "requests_per_second": {"plain upstream": base_full, "gateway": full, "ratio": full / base_full},
        "requests_per_second_per_core": full * each / used,
        "latency_ms": {"plain upstream": base_rate, "gateway": rate, "added_p50": rate["p50_ms"] - base_rate["p50_ms"]},
        "chunks_per_second": {"plain upstream": base_chunks, "gateway": chunks, "ratio": chunks / base_chunks},
        "chunks_per_second_per_core": chunks * each / stream_used,
    }


def report(found: dict[str, Any]) -> str:
    """The figures in words."""
    requests, latency, chunks = found["requests_per_second"], found["latency_ms"], found["chunks_per_second"]
    plain, ours = latency["plain upstream"], latency["gateway"]
    rows = [
        (f"requests/s, {CONNECTIONS} connections", requests["plain upstream"], requests["gateway"], ".0f"),
        (f"latency at {RATE}/s, p50 ms", plain["p50_ms"], ours["p50_ms"], ".2f"),
        (f"latency at {RATE}/s, p99 ms", plain["p99_ms"], ours["p99_ms"], ".2f"),
        (f"chunks/s, {STREAMS} streams of 20 ms", chunks["plain upstream"], chunks["gateway"], ".0f"),
    ]
    lines = [f"{'':32}{'plain upstream':>16}{'gateway':>12}{'ratio':>8}"]
    lines += [f"{name:32}{base:>16{form}}{own:>12{form}}{own / base:>8.2f}" for name, base, own, form in rows]
    lines += [
        f"added latency, p50: {latency['added_p50']:.2f} ms",
        f"for each second of a core's time: {found['requests_per_second_per_core']:,.0f} requests, "
        f"{found['chunks_per_second_per_core']:,.0f} chunks",
        f"(one worker, recording on, bodies redacted, 1 KB each way; upstream, load generator and gateway share "
        f"{found['cores']} cores, so the wall-clock figures of both columns are held down by each other)",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=24, help="measuring time in all")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.seconds)
    print(json.dumps(found, indent=2) if arguments.json else report(found))


if __name__ == "__main__":
    main()
