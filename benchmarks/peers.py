"""The gateway beside other gateways in one run, in turns: CPU of a request and of a chunk, and added latency.

    python benchmarks/peers.py [--seconds 3] [--rounds 10] [--json]

vllm-router and smg are routers in Rust that record nothing; TensorZero runs embedded in a Python process, with its
observability off. They are installed once into an environment of their own. The gateway has keys, an experiment of two
arms, recording and redaction. All use one instant upstream. Ratios are *ours over theirs*: less is better.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT)  # a file beside this one has the name of a package of ours

from benchmarks.wire.measures import CONNECTIONS, chunks, full_load, latencies  # noqa: E402
from benchmarks.wire.paired import Row, merged, table  # noqa: E402
from benchmarks.wire.programs import installed_packages  # noqa: E402
from benchmarks.wire.servers import Server, await_answer, ended, free_port, gateway, upstream  # noqa: E402

PACKAGES = ("vllm-router==0.1.17", "smg==1.13.0", "tensorzero==2026.6.0")
ROOM = Path.home() / ".cache" / "fairtrial-bench" / "peers"
ROUTERS = {"vllm-router": ("vllm-router",), "smg": ("smg", "launch")}
TENSORZERO = "TensorZero"


def measure(rounds: int, seconds: float, room: Path) -> Iterator[Row]:
    """One row for each round, peer and figure."""
    programs = installed_packages(room, PACKAGES, "smg")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plain = stack.enter_context(upstream())
        ours = stack.enter_context(gateway(plain, folder))
        peers = [stack.enter_context(_router(name, plain, folder, programs)) for name in ROUTERS]
        for _ in range(rounds):
            yield from _requests(plain, ours, peers, programs, seconds)
            yield from _chunks(ours, peers, seconds)
            base, mine, *theirs = (row["p50_ms"] for row in latencies([plain, ours, *peers], seconds))
            for peer, p50 in zip(peers, theirs, strict=True):
                yield Row(f"{peer.name}: added latency at 100 a second, p50", "ms", [(p50 - base, mine - base)])


def _requests(plain: Server, ours: Server, peers: Sequence[Server], programs: Path, seconds: float) -> Iterator[Row]:
    mine = full_load(ours, seconds)["per_core"]
    for peer in peers:
        yield Row(f"{peer.name}: a request", "µs of CPU", [(1e6 / full_load(peer, seconds)["per_core"], 1e6 / mine)])
    command = [programs / "python", ROOT / "benchmarks" / "wire" / "embedded.py", plain.port, seconds, CONNECTIONS]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, check=True)
    theirs = json.loads(done.stdout.splitlines()[-1])["per_core"]
    yield Row(f"{TENSORZERO}: a request", "µs of CPU", [(1e6 / theirs, 1e6 / mine)])


def _chunks(ours: Server, peers: Sequence[Server], seconds: float) -> Iterator[Row]:
    mine = chunks(ours, seconds)["per_core"]
    for peer in peers:
        yield Row(f"{peer.name}: a paced chunk", "µs of CPU", [(1e6 / chunks(peer, seconds)["per_core"], 1e6 / mine)])


@contextmanager
def _router(name: str, plain: Server, folder: Path, programs: Path) -> Iterator[Server]:
    program, *words = ROUTERS[name]
    port = free_port()
    options = {
        "--worker-urls": f"http://127.0.0.1:{plain.port}",
        "--host": "127.0.0.1",
        "--port": port,
        "--prometheus-port": free_port(),
        "--policy": "round_robin",
        "--log-level": "error",
    }
    command = [str(programs / program), *words, *(str(word) for option in options.items() for word in option)]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    with ended(process):
        await_answer(port, seconds=60)
        yield Server(name, port, process.pid)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--room", type=Path, default=ROOM, help="the peers' environment, made if it isn't there")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        rows = sorted(
            merged(measure(arguments.rounds, arguments.seconds, arguments.room)),
            key=lambda row: row.work.split(": ")[1],
        )
        print(json.dumps([asdict(row) for row in rows], indent=2) if arguments.json else table(rows, "theirs", "ours"))


if __name__ == "__main__":
    main()
