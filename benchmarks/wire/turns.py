"""Loads two servers in short turns from one process, so that whatever slows the machine slows both alike; prints JSON.

``python -m benchmarks.wire.turns PORTS PIDS SECONDS CONNECTIONS``: full load on each server for SECONDS in all. The
turns are A B B A and so on. Each server keeps its connections, and is idle while it is not its turn.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence

import uvloop

from benchmarks.wire.load import Asking, connect, of_users
from benchmarks.wire.processes import cpu_seconds

TURN = 0.05
"""Seconds of full load before the other server's turn."""

WARM_UP = 12
"""Turns of each server that do not count."""


class Loaded:
    """A server with its open connections, the requests that it answered in its turns, and the CPU time that they took."""

    def __init__(self, port: int, pid: int, connections: int) -> None:
        self._port, self._pid, self._count = port, pid, connections
        self._end, self._asking = 0.0, list[Asking]()
        self.requests, self.cpu = 0, 0.0

    async def connect(self, raws: Iterator[bytes]) -> None:
        def again() -> bool:
            return time.perf_counter() < self._end

        self._asking = [await connect(self._port, lambda: Asking(raws, again)) for _ in range(self._count)]

    async def turn(self) -> None:
        """One turn. It ends when every connection has its answer, so that the server has nothing left to do."""
        loop, before = asyncio.get_running_loop(), cpu_seconds(self._pid)
        self._end = time.perf_counter() + TURN
        for asking in self._asking:
            asking.over, asking.count = loop.create_future(), 0
            asking.ask()
        await asyncio.gather(*(asking.over for asking in self._asking))
        self.requests += sum(asking.count for asking in self._asking)
        self.cpu += cpu_seconds(self._pid) - before


async def in_turns(ports: Sequence[int], pids: Sequence[int], seconds: float, connections: int) -> list[dict[str, float]]:
    """The requests of each server, and the CPU seconds of its process for them."""
    raws = of_users()
    servers = [Loaded(port, pid, connections) for port, pid in zip(ports, pids, strict=True)]
    for server in servers:
        await server.connect(raws)
    for number in range(-WARM_UP, round(seconds / TURN)):
        if number == 0:
            for server in servers:
                server.requests, server.cpu = 0, 0.0
        for server in servers if number % 2 else servers[::-1]:
            await server.turn()
    return [{"requests": server.requests, "cpu_seconds": server.cpu} for server in servers]


def main() -> None:
    """Measure and print."""
    ports, pids = ([int(part) for part in argument.split(",")] for argument in sys.argv[1:3])
    print(json.dumps(uvloop.run(in_turns(ports, pids, float(sys.argv[3]), int(sys.argv[4])))))


if __name__ == "__main__":
    main()
