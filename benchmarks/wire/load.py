"""Generates load on bare protocols: as fast as it can, at a steady rate, or as many streams at once; prints JSON.

``python benchmarks/wire/load.py MODE PORTS SECONDS NUMBER``, with one of these modes:

- ``full``: NUMBER connections, each always busy.
- ``rate``: NUMBER requests a second to each of PORTS, which take turns, so that a disturbance affects all alike.
- ``steady``: the same to the first of PORTS, counting responses and requests that were rejected with 503.
- ``first``: NUMBER streams a second to each of PORTS, in turns as well; the latencies are those of the first chunk.
- ``streams``: NUMBER streams at once, a chunk each 20 ms.
- ``slow``: NUMBER streams at once, a chunk each two seconds; prints ``open`` when all have had their first.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from hashlib import sha256
from typing import Any

import uvloop

KEY = "sk-" + sha256(b"a key of the benchmark").hexdigest()
GAP_MS, CHUNKS = 20, 50
SLOW_MS, RAMP = 2000, 100
USERS = 3000
WORDS = "a question of some length " * 36
DATED = (
    "Order 2026-11-03, id 0b81dd0c-13f6-4b3e-9a3f-7d1e5c2a9b64, was placed on 2026-11-03T14:05:09Z. Invoice 4711238 "
    "was sent on 2026-11-12 at 09:15, and trace 4bf92f3577b34da6a3ce929d0e0e4736 says so. "
)
LARGE = WORDS * 135
TEXTS = {"clean": WORDS, "dated": DATED + WORDS[len(DATED) :], "128 kB": LARGE}
"""Texts of requests by name: one without digits, one of the same length with dates, times and ids, and a large one."""


def request(**fields: Any) -> bytes:
    """A request of about 1 KB as it goes over the wire."""
    asked = {"model": "bench", "user": "u-17", "messages": [{"role": "user", "content": WORDS}], **fields}
    body = json.dumps(asked).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {KEY}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def of_users(text: str = WORDS) -> Iterator[bytes]:
    """Requests of one user after another, without end, because a gateway caches what it computed for a user."""
    messages = [{"role": "user", "content": text}]
    users = USERS * len(WORDS) // len(text)  # so that the requests fit into the same memory
    return itertools.cycle([request(user=f"u-{number}", messages=messages) for number in range(users)])


class Asking(asyncio.Protocol):
    """A connection that sends the next request after each whole response, for as long as ``again`` says."""

    def __init__(self, raws: Iterator[bytes], again: Callable[[], bool]) -> None:
        self.raws, self.again, self.buffer, self.count = raws, again, b"", 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self) -> None:
        self.transport.write(next(self.raws))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            self._end(RuntimeError(self.buffer.decode("latin-1")))
            return
        at = head.index(b"content-length:") + 15
        stop = head.find(b"\r\n", at)
        if len(self.buffer) < end + 4 + int(head[at : stop if stop > 0 else end]):
            return
        self.buffer, self.count = b"", self.count + 1
        if self.again():
            self.transport.write(next(self.raws))
        else:
            self._end(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._end(error or ConnectionResetError("the connection was closed"))

    def _end(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(error) if error else self.over.set_result(None)


class Streaming(asyncio.Protocol):
    """A connection with one stream at a time that counts its events; ``first`` and ``over`` are futures.

    ``keep``: whether the connection stays open at a stream's end, for another one.
    """

    def __init__(self, raw: bytes, *, keep: bool = False) -> None:
        self.raw, self.keep = raw, keep

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        loop = asyncio.get_running_loop()
        self.events, self.tail = 0, b""
        self.first: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[bool] = loop.create_future()
        self.transport.write(self.raw)

    def data_received(self, data: bytes) -> None:
        self.events += data.count(b"data: ")
        self.tail = (self.tail + data)[-24:]
        if self.events and not self.first.done():
            self.first.set_result(None)
        if b"[DONE]" in self.tail:
            self._end(whole=True)

    def connection_lost(self, _: Exception | None) -> None:
        self._end(whole=False)

    def _end(self, *, whole: bool) -> None:
        for future, value in ((self.first, None), (self.over, whole)):
            if not future.done():
                future.set_result(value)  # type: ignore[arg-type]
        if not self.keep:
            self.transport.close()


async def connect(port: int, make: Callable[[], Any]) -> Any:
    """A new connection's protocol."""
    _, protocol = await asyncio.get_running_loop().create_connection(make, "127.0.0.1", port)
    return protocol


async def full(ports: list[int], seconds: float, connections: int) -> dict[str, float]:
    """Requests a second with every connection busy all the time."""
    started = time.perf_counter()
    end, raws = started + seconds, of_users()
    asking = [
        await connect(ports[0], lambda: Asking(raws, lambda: time.perf_counter() < end)) for _ in range(connections)
    ]
    for one in asking:
        one.ask()
    await asyncio.gather(*(one.over for one in asking))
    total = sum(one.count for one in asking)
    return {"requests": total, "per_second": total / (time.perf_counter() - started)}


async def rate(ports: list[int], seconds: float, per_second: int) -> dict[str, list[dict[str, float]]]:
    """Latencies in milliseconds at a steady rate; a connection is used for one request at a time."""
    idle: dict[int, list[Asking]] = {port: [] for port in ports}
    raws = of_users()

    async def answer(port: int) -> float:
        asking = idle[port].pop() if idle[port] else await connect(port, lambda: Asking(raws, lambda: False))
        asking.over = asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        asking.ask()
        await asking.over
        took = time.perf_counter() - started
        idle[port].append(asking)
        return took

    return await _latencies(answer, ports, seconds, per_second)


async def first(ports: list[int], seconds: float, per_second: int) -> dict[str, list[dict[str, float]]]:
    """Latencies of the first chunk in milliseconds at a steady rate of streams."""
    idle: dict[int, list[Streaming]] = {port: [] for port in ports}
    raw = request(stream=True, max_tokens=3, seed=GAP_MS)

    async def chunk(port: int) -> float:
        started = time.perf_counter()
        if idle[port]:
            stream = idle[port].pop()
            stream.ask()
        else:
            stream = await connect(port, lambda: Streaming(raw, keep=True))
        await stream.first
        took = time.perf_counter() - started
        if await stream.over:
            idle[port].append(stream)
        return took

    return await _latencies(chunk, ports, seconds, per_second)


async def _latencies(
    measure: Callable[[int], Awaitable[float]], ports: list[int], seconds: float, per_second: int
) -> dict[str, list[dict[str, float]]]:
    """The median and p99 of what ``measure`` returns for each port, in milliseconds; the ports take turns."""
    latencies: dict[int, list[float]] = {port: [] for port in ports}

    async def one(port: int) -> None:
        latencies[port].append(await measure(port) * 1000)

    begun, tasks, every = time.perf_counter(), [], 1 / (per_second * len(ports))
    for number in range(int(seconds / every)):
        await asyncio.sleep(max(0.0, begun + number * every - time.perf_counter()))
        tasks.append(asyncio.create_task(one(ports[number % len(ports)])))
    await asyncio.gather(*tasks)
    cuts = {port: statistics.quantiles(found, n=100) for port, found in latencies.items()}
    return {"ports": [{"p50_ms": cuts[port][49], "p99_ms": cuts[port][98]} for port in ports]}


async def steady(ports: list[int], seconds: float, per_second: int) -> dict[str, int]:
    """How many requests of a steady rate were answered, and how many turned away."""
    idle: list[Asking] = []
    counts = {"answers": 0, "turned_away": 0}
    raws = of_users()

    async def one() -> None:
        while idle and idle[-1].transport.is_closing():
            idle.pop()  # the server ends connections that have been idle for long
        asking = idle.pop() if idle else await connect(ports[0], lambda: Asking(raws, lambda: False))
        asking.over = asyncio.get_running_loop().create_future()
        asking.ask()
        try:
            await asking.over
        except RuntimeError as error:
            if not str(error).startswith("HTTP/1.1 503"):
                raise
            counts["turned_away"] += 1
            asking.transport.close()
        else:
            counts["answers"] += 1
            idle.append(asking)

    begun, tasks = time.perf_counter(), []
    for number in range(int(seconds * per_second)):
        await asyncio.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
        tasks.append(asyncio.create_task(one()))
    await asyncio.gather(*tasks)
    return counts


async def streams(ports: list[int], seconds: float, count: int) -> dict[str, float]:
    """Chunks a second that arrive over many streams at once, a chunk each 20 ms for each stream."""
    started = time.perf_counter()
    raw = request(stream=True, max_tokens=CHUNKS, seed=GAP_MS)

    async def one() -> tuple[int, int]:
        seen = broken = 0
        while time.perf_counter() < started + seconds:
            stream = await connect(ports[0], lambda: Streaming(raw))
            broken += not await stream.over
            seen += stream.events
        return seen, broken

    found = await asyncio.gather(*(one() for _ in range(count)))
    total = sum(events for events, _ in found)
    took = time.perf_counter() - started
    return {"chunks": total, "chunks_per_second": total / took, "broken": sum(broken for _, broken in found)}


async def slow(ports: list[int], seconds: float, count: int) -> dict[str, int]:
    """Many streams open at once for ``seconds``; prints when all have had their first event."""
    raw = request(stream=True, max_tokens=max(2, int(seconds * 1000 / SLOW_MS)), seed=SLOW_MS)
    opened: list[Streaming] = []
    while len(opened) < count:
        some = [connect(ports[0], lambda: Streaming(raw)) for _ in range(min(RAMP, count - len(opened)))]
        opened += await asyncio.gather(*some)
        await asyncio.gather(*(one.first for one in opened[-RAMP:]))
    at_once = sum(not one.over.done() for one in opened)
    print("open", flush=True)
    whole = sum(await asyncio.gather(*(one.over for one in opened)))
    return {"at_once": at_once, "whole": whole}


async def main() -> None:
    """Run the mode that the arguments name."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ports = [int(port) for port in sys.argv[2].split(",")]
    run = {"full": full, "rate": rate, "steady": steady, "streams": streams, "slow": slow, "first": first}[sys.argv[1]]
    print(json.dumps(await run(ports, float(sys.argv[3]), int(sys.argv[4]))))


if __name__ == "__main__":
    uvloop.run(main())
