"""Measures the gateway beside nginx and LiteLLM's proxy in one run: requests per core, latency, chunks, open streams.

``python benchmarks/gateway.py [--no-litellm] [--profile] [--json]``. All use one instant
upstream, about 1 KB each way, and one worker each. The gateway has keys, an experiment of two arms, recording and
redaction; nginx has none of it, and LiteLLM's proxy one key. "Per core" means for each second of CPU time that the
server's processes used, so that the figure does not depend on how the cores are shared.
``--before CHECKOUT`` compares with the gateway of another checkout instead, which may have its own ``.venv``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)  # this file has the name of a package, and must not be found in its place

from benchmarks.wire import earlier  # noqa: E402
from benchmarks.wire.measures import chunks, full_load, latencies, slow_streams  # noqa: E402
from benchmarks.wire.paired import Row, merged, table  # noqa: E402
from benchmarks.wire.profiled import profile_report, sampled  # noqa: E402
from benchmarks.wire.programs import Program  # noqa: E402
from benchmarks.wire.servers import Server, gateway, litellm, nginx, upstream  # noqa: E402
from benchmarks.wire.targets import LITELLM, TARGETS, report  # noqa: E402
from fairtrial.domain.limits.server_settings import USUAL  # noqa: E402

ROOM = Path.home() / ".cache" / "fairtrial-bench" / "litellm"
SETTINGS = replace(USUAL, max_in_flight=16384, max_share_per_key=100)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures, by kind and server."""
    found: dict[str, Any] = defaultdict(dict)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plain = stack.enter_context(upstream())
        with sampled(folder / "samples") if arguments.profile else contextlib.nullcontext():
            ours = stack.enter_context(gateway(plain, folder, settings=SETTINGS))
        servers = [plain, ours]
        if (limit := stack.enter_context(nginx(plain, folder))) is not None:
            servers.append(limit)
        else:
            print("nginx: not installed (apt-get install nginx-light)", file=sys.stderr)
        _measure_each(found, servers, arguments)
        if not arguments.no_litellm:
            other = stack.enter_context(litellm(plain, folder, arguments.litellm_room))
            _measure_litellm(found, plain, other, arguments.seconds)
        if arguments.profile:
            print(profile_report(folder / "samples"), file=sys.stderr)
    return dict(found)


def measure_with_earlier(arguments: argparse.Namespace) -> list[Row]:
    """The figures of this checkout's gateway and of another one's."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plain = stack.enter_context(upstream())
        programs = Program("before", arguments.before.resolve()), Program("now", HERE.parent.resolve())
        return merged(earlier.pairs(plain, programs, folder, arguments.seconds))


def _measure_each(found: dict[str, Any], servers: list[Server], arguments: argparse.Namespace) -> None:
    """Full load and chunks one server after the other; latency of all in turns; open streams last."""
    for server in servers:
        found["full"][server.name] = full_load(server, arguments.seconds)
    for server, row in zip(servers, latencies(servers, arguments.seconds * 2), strict=True):
        found["latency"][server.name] = row
    for server in servers:
        found["chunks"][server.name] = chunks(server, arguments.seconds)
    for server in servers[1:] if arguments.streams else []:
        found["slow"][server.name] = slow_streams(server, arguments.streams)


def _measure_litellm(found: dict[str, Any], plain: Server, other: Server, seconds: float) -> None:
    found["full"][LITELLM] = full_load(other, seconds)
    added, base = latencies([other], seconds)[0], latencies([plain], seconds)[0]
    found["latency"][LITELLM] = added
    found["latency"]["plain upstream, beside LiteLLM's proxy"] = base
    found["chunks"][LITELLM] = chunks(other, seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6, help="of each measurement")
    parser.add_argument("--streams", type=int, default=5000, help="slow streams open at once; 0 for none")
    parser.add_argument("--no-litellm", action="store_true", help="leave LiteLLM's proxy out")
    parser.add_argument("--litellm-room", type=Path, default=ROOM, help="its environment, made if it isn't there")
    parser.add_argument("--profile", action="store_true", help="where the gateway's CPU time goes (slows it a little)")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="compare with the gateway of another checkout")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if arguments.before is not None:
        rows = measure_with_earlier(arguments)
        print(json.dumps([asdict(row) for row in rows], indent=2) if arguments.json else table(rows))
        return
    found = measure(arguments)
    verdicts = [target.verdict(found) for target in TARGETS]
    print(json.dumps({**found, "targets": verdicts}, indent=2) if arguments.json else report(found, arguments.streams))


if __name__ == "__main__":
    main()
