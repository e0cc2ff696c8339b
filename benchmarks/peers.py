"""The gateway beside other gateways in one run, in turns: CPU of requests and chunks, and added latency.

    python benchmarks/peers.py [--seconds 2] [--rounds 10] [--no-litellm] [--json]

vllm-router and smg are routers in Rust that record nothing. LiteLLM's proxy is tuned as its documentation says; it
can't carry the rate at which latency is measured. Each is installed once into a separate environment. The gateway has
keys, an experiment of two arms, recording and redaction. All use one instant upstream. Ratios are *ours over theirs*:
less is better.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from subprocess import Popen

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT)  # a file beside this one has the name of a package of ours

from benchmarks.wire.earlier import LATENCIES, work_of  # noqa: E402
from benchmarks.wire.measures import chunks, latencies, load_in_turns  # noqa: E402
from benchmarks.wire.paired import Row, merged, table  # noqa: E402
from benchmarks.wire.programs import installed_packages  # noqa: E402
from benchmarks.wire.servers import Server, await_answer, ended, free_port, gateway, litellm, upstream  # noqa: E402

PACKAGES = ("vllm-router==0.1.17", "smg==1.13.0")
ROOM = Path.home() / ".cache" / "fairtrial-bench" / "peers"
ROUTERS = {"vllm-router": ("vllm-router",), "smg": ("smg", "launch")}
LOADS = (("clean", 64), ("clean", 1), ("128 kB", 16))
CHUNK = "a paced chunk"
LITELLM_ROUNDS = 2
"""Its figures are a hundred times ours, so that few rounds suffice, and each takes half a minute."""

LIMITS: Mapping[str, float] = {
    f"vllm-router: {work_of('clean', 64)}": 1 / 0.65,
    f"vllm-router: {work_of('clean', 1)}": 2.0,
    f"vllm-router: {CHUNK}": 1 / 0.75,
}
"""The largest ratio that we want for a kind of work."""


def measure(arguments: argparse.Namespace) -> Iterator[Row]:
    """One row for each round, peer and kind of work."""
    programs, seconds = installed_packages(arguments.room, PACKAGES, "smg"), arguments.seconds
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plain = stack.enter_context(upstream())
        ours = stack.enter_context(gateway(plain, folder))
        peers = [stack.enter_context(_router(name, plain, folder, programs)) for name in ROUTERS]
        for number in range(arguments.rounds):
            yield from _cpu(ours, peers[:: 1 if number % 2 else -1], seconds)
            for mode, work in LATENCIES:
                base, mine, *theirs = (row["p50_ms"] for row in latencies([plain, ours, *peers], seconds, mode))
                for peer, p50 in zip(peers, theirs, strict=True):
                    yield Row(f"{peer.name}: {work}", "ms", [(p50 - base, mine - base)])
        if not arguments.no_litellm:
            proxy = stack.enter_context(litellm(plain, folder, arguments.room.with_name("litellm")))
            for _ in range(LITELLM_ROUNDS):
                yield from _cpu(ours, [proxy], seconds)


def _cpu(ours: Server, peers: Sequence[Server], seconds: float) -> Iterator[Row]:
    for peer in peers:
        for text, in_flight in LOADS:
            theirs, mine = load_in_turns([peer, ours], seconds, text, in_flight)
            yield Row(f"{peer.name}: {work_of(text, in_flight)}", "µs of CPU", [(1e6 / theirs, 1e6 / mine)])
        theirs, mine = (chunks(server, seconds)["per_core"] for server in (peer, ours))
        yield Row(f"{peer.name}: {CHUNK}", "µs of CPU", [(1e6 / theirs, 1e6 / mine)])


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
        process = Popen(command, stdout=log, stderr=log)
    with ended(process):
        await_answer(port, seconds=60)
        yield Server(name, port, process.pid)


def verdicts(rows: Sequence[Row]) -> list[str]:
    """A line for each limit: whether the ratio meets it."""
    ratios = {row.work: row.ratio for row in rows}
    return [
        f"{work}: {ratios[work]:.2f} of at most {limit:.2f}, {'met' if ratios[work] <= limit else 'MISSED'}"
        for work, limit in LIMITS.items()
        if work in ratios
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--room", type=Path, default=ROOM, help="the peers' environment, made if it isn't there")
    parser.add_argument("--no-litellm", action="store_true", help="leave LiteLLM's proxy out")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        rows = sorted(merged(measure(arguments)), key=lambda row: row.work.split(": ")[1])
        if arguments.json:
            print(json.dumps([asdict(row) for row in rows], indent=2))
        else:
            print(table(rows, "theirs", "ours"), *verdicts(rows), sep="\n")


if __name__ == "__main__":
    main()
