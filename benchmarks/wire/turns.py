"""Loads two servers in short turns from one process, so that whatever slows the machine slows both alike; prints JSON.

``python -m benchmarks.wire.turns PORTS PIDS SECONDS CONNECTIONS TEXT``: full load on each server for SECONDS in all,
with the text of that name. The turns are A B B A and so on. Each server keeps its connections, and is idle while it is
not its turn.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence

import uvloop

from benchmarks.wire.load import TEXTS, Asking, connect, of_users
from benchmarks.wire.processes import cpu_seconds

TURN = 0.05
"""Seconds of full load before the other server's turn."""

WARM_UP = 12
"""Turns of each server that do not count."""


class Loaded:
    """A server with its open connections, and its requests for each second of CPU time in each of its turns."""

    def __init__(self, port: int, pid: int) -> None:
        self._port, self._pid = port, pid
        self._end, self._asking = 0.0, list[Asking]()
        self.per_core: list[float] = []

    async def connect(self, raws: Iterator[bytes], connections: int) -> None:
        self._asking = [await connect(self._port, lambda: Asking(raws, self._goes_on)) for _ in range(connections)]

    async def turn(self) -> None:
        """One turn. It ends when every connection has its answer, so that the server has nothing left to do."""
        loop, before = asyncio.get_running_loop(), cpu_seconds(self._pid)
        self._end = time.perf_counter() + TURN
        for asking in self._asking:
            asking.over, asking.count = loop.create_future(), 0
            asking.ask()
        await asyncio.gather(*(asking.over for asking in self._asking))
        self.per_core.append(sum(asking.count for asking in self._asking) / (cpu_seconds(self._pid) - before))

    def _goes_on(self) -> bool:
        return time.perf_counter() < self._end


async def in_turns(servers: Sequence[Loaded], seconds: float, connections: int, text: str) -> list[float]:
    """The requests of each server for each second of CPU time: the medians of its turns."""
    raws = of_users(text)
    for server in servers:
        await server.connect(raws, connections)
    for number in range(WARM_UP + round(seconds / TURN)):
        for server in servers if number % 2 else servers[::-1]:
            await server.turn()
    return [statistics.median(server.per_core[WARM_UP:]) for server in servers]


def main() -> None:
    """Measure and print."""
    ports, pids = ([int(part) for part in argument.split(",")] for argument in sys.argv[1:3])
    servers = [Loaded(port, pid) for port, pid in zip(ports, pids, strict=True)]
    seconds, connections, text = float(sys.argv[3]), int(sys.argv[4]), TEXTS[sys.argv[5]]
    print(json.dumps(uvloop.run(in_turns(servers, seconds, connections, text))))


if __name__ == "__main__":
    main()
