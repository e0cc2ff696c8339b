"""Twice the load that the gateway can carry: right answers or proper 503s, nothing lost, and how soon it recovers.

``python benchmarks/overload.py [--seconds N] [--max-in-flight N] [--delay MS] [--json]``. A closed loop finds what
it carries, then requests come at twice that rate whatever becomes of them. Every request has a token that its answer
must have, every good answer must be in the journal once, and a refusal says when to try again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)

import uvloop  # noqa: E402

from benchmarks.wire.caller import Answer, Callers, has_token  # noqa: E402
from benchmarks.wire.journal import recorded  # noqa: E402
from benchmarks.wire.processes import cpu_seconds  # noqa: E402
from benchmarks.wire.servers import Server, gateway, upstream  # noqa: E402
from fairtrial.config.layout import Layout  # noqa: E402
from fairtrial.domain.limits.server_settings import USUAL  # noqa: E402

CONNECTIONS, STEADY = 64, 20
PATIENCE = 60.0
"""Seconds for which a recovery is waited for."""


@dataclass(slots=True)
class Seen:
    """What became of the requests: how many of each status, the ids of good answers, all that was wrong."""

    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def take(self, answer: Answer, token: str) -> None:
        """Judge one answer."""
        self.statuses[answer.status] += 1
        if answer.status == 200:
            self.acknowledged.append(answer.header("x-request-id"))
            if not has_token(answer, token):
                self.wrong.append(f"another request's answer for {token}: {answer.body[:200]!r}")
        elif answer.status == 503:
            self._refusal(answer)
        else:
            self.wrong.append(f"status {answer.status}: {answer.body[:200]!r}")

    def _refusal(self, answer: Answer) -> None:
        proper = answer.header("retry-after").isdigit() and answer.header("x-should-retry") == "true"
        if not proper or "error" not in json.loads(answer.body) or not answer.header("x-request-id"):
            self.wrong.append(f"a 503 that is not proper: {answer.headers}")


async def closed(callers: Callers, seen: Seen, seconds: float, connections: int) -> float:
    """Requests a second when each is sent after the one before."""
    numbers, end = count(), time.perf_counter() + seconds

    async def one() -> None:
        while time.perf_counter() < end:
            token = f"token-c{next(numbers)}"
            seen.take(await callers.ask_token(token), token)

    await asyncio.gather(*(one() for _ in range(connections)))
    return next(numbers) / seconds


async def opened(callers: Callers, seen: Seen, seconds: float, rate: float) -> float:
    """Requests come at a rate whatever becomes of them; what was offered in fact, a second."""
    tasks: list[asyncio.Task[None]] = []

    async def one(token: str) -> None:
        started = time.perf_counter()
        seen.take(await callers.ask_token(token), token)
        seen.latencies.append(time.perf_counter() - started)

    begun = time.perf_counter()
    while (now := time.perf_counter() - begun) < seconds:
        tasks += [
            asyncio.create_task(one(f"token-o{len(tasks) + more}")) for more in range(int(now * rate) - len(tasks))
        ]
        await asyncio.sleep(0.002)
    offered = len(tasks) / (time.perf_counter() - begun)
    await asyncio.gather(*tasks)
    return offered


async def recovery(port: int, stopped: float) -> float | None:
    """Seconds from the end of the load to the first of twenty good answers in a row; none where they never came."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await _steady(port, stopped)
    except TimeoutError:
        return None


async def _steady(port: int, stopped: float) -> float:
    callers, row, first = Callers(port, 1), 0, 0.0
    for number in count():
        token = f"token-r{number}"
        answer = await callers.ask_token(token)
        row = row + 1 if answer.status == 200 and has_token(answer, token) else 0
        if row == 1:
            first = time.perf_counter() - stopped
        if row == STEADY:
            break
        await asyncio.sleep(0.01)
    return first


async def overload(server: Server, arguments: argparse.Namespace) -> dict[str, Any]:
    """The three parts."""
    usual, beyond = Seen(), Seen()
    connections = min(CONNECTIONS, arguments.max_in_flight)
    carried = await closed(Callers(server.port, connections), usual, arguments.seconds, connections)
    callers = await Callers(server.port, arguments.connections).open()
    began, before = time.perf_counter(), cpu_seconds(server.pid)
    offered = await opened(callers, beyond, arguments.seconds, arguments.times * carried)
    stopped = time.perf_counter()
    took = stopped - began
    return {
        "carried_per_second": carried,
        "offered_per_second": offered,
        "answered_per_second": beyond.statuses[200] / took,
        "answering_seconds": took,
        "gateways_share_of_a_core": (cpu_seconds(server.pid) - before) / took,
        "statuses": dict(beyond.statuses),
        "p99_seconds": sorted(beyond.latencies)[int(len(beyond.latencies) * 0.99) - 1],
        "recovered_after_seconds": await recovery(server.port, stopped),
        "acknowledged": usual.acknowledged + beyond.acknowledged,
        "wrong": usual.wrong + beyond.wrong,
    }


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run it, then read the journal."""
    settings = replace(USUAL, max_in_flight=arguments.max_in_flight, max_share_per_key=100)
    with tempfile.TemporaryDirectory() as folder, upstream("--delay", str(arguments.delay)) as plain:
        with gateway(plain, Path(folder), settings=settings) as server:
            found = uvloop.run(overload(server, arguments))
        journal = recorded(Layout(Path(folder) / "bench.duckdb").journal)
    acknowledged = found.pop("acknowledged")
    found["acknowledged"] = len(acknowledged)
    found["missing_in_journal"] = sum(journal[name] == 0 for name in acknowledged)
    found["twice_in_journal"] = sum(times > 1 for times in journal.values())
    return found


def report(found: dict[str, Any]) -> str:
    """The figures in words."""
    recovered = found["recovered_after_seconds"]
    lines = [
        f"carried in a closed loop: {found['carried_per_second']:,.0f}/s",
        f"then offered: {found['offered_per_second']:,.0f}/s; of them answered: {found['answered_per_second']:,.0f}/s",
        f"the last answer came after {found['answering_seconds']:.1f} s; the gateway had "
        f"{found['gateways_share_of_a_core']:.0%} of a core",
        f"answers by status: {found['statuses']}; p99 {found['p99_seconds']:.2f} s",
        f"wrong answers: {len(found['wrong'])}",
        f"acknowledged {found['acknowledged']:,}: missing in the journal {found['missing_in_journal']}, "
        f"twice {found['twice_in_journal']}",
        f"did not recover within {PATIENCE:.0f} s of the last answer"
        if recovered is None
        else f"recovered {recovered:.2f} s after the last answer",
        *found["wrong"][:5],
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10, help="of each part")
    parser.add_argument("--times", type=float, default=2, help="how many times what it carries")
    parser.add_argument("--max-in-flight", type=int, default=USUAL.max_in_flight)
    parser.add_argument("--connections", type=int, default=2000, help="of the clients, in the second part")
    parser.add_argument("--delay", type=float, default=0, help="milliseconds that the upstream takes")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    found = measure(arguments)
    print(json.dumps(found, indent=2) if arguments.json else report(found))


if __name__ == "__main__":
    main()
