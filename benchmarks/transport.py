"""The two transports side by side: CPU microseconds of a request and of a streamed chunk, memory of idle streams.

``python benchmarks/transport.py [--requests N] [--streams N]``. The upstream is a process of its own; only the
client's CPU time counts, so that the figures hardly depend on what else the machine does. Each transport has its own
process for the memory, since what one has freed would hide what the other takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

HERE = Path(__file__).parent
sys.path[0] = str(HERE.parent)  # beside this file, names of its neighbours would be found first

from gateway.proxy.transport.aiohttp import AiohttpTransport  # noqa: E402
from gateway.proxy.transport.pool.pool import PoolTransport  # noqa: E402
from gateway.proxy.transport.transport import Transport, UpstreamRequest  # noqa: E402

MAKERS: dict[str, Callable[[], Transport]] = {"aiohttp": AiohttpTransport, "pool": PoolTransport}
AT_ONCE = 32
ROUNDS = 5
HEADERS = {
    "accept": "application/json",
    "user-agent": "OpenAI/Python 3.57.0",
    "x-stainless-lang": "python",
    "x-stainless-runtime": "CPython",
    "content-type": "application/json",
    "accept-encoding": "identity",
    "authorization": "Bearer key",
    "x-request-id": "req-0123456789",
}


def asked(url: str, **fields: object) -> UpstreamRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "word " * 190}], **fields}
    return UpstreamRequest(url, HEADERS, json.dumps(body).encode(), 5.0)


async def whole(transport: Transport, request: UpstreamRequest) -> int:
    """Send it and read it to the end; how many pieces there were."""
    answer = await transport.send(request)
    pieces = 0
    while await answer.read():
        pieces += 1
    answer.release()
    return pieces


async def spent(transport: Transport, request: UpstreamRequest, times: int) -> tuple[float, int]:
    """CPU microseconds for each time, and pieces in all."""
    left, pieces = iter(range(times)), 0

    async def worker() -> None:
        nonlocal pieces
        for _ in left:
            came = await whole(transport, request)
            pieces += came

    before = time.process_time()
    await asyncio.gather(*[worker() for _ in range(AT_ONCE)])
    return (time.process_time() - before) / times * 1e6, pieces


async def compare(url: str, requests: int) -> None:
    """In turns, the least of several rounds: what else runs can only add."""
    made = {name: make() for name, make in MAKERS.items()}
    plain: dict[str, float] = dict.fromkeys(MAKERS, float("inf"))
    chunks: dict[str, float] = dict.fromkeys(MAKERS, float("inf"))
    for _ in range(ROUNDS):
        for name, transport in made.items():
            cost, _ = await spent(transport, asked(url), requests // ROUNDS)
            plain[name] = min(plain[name], cost)
            cost, pieces = await spent(transport, asked(url, stream=True, max_tokens=100, seed=5), AT_ONCE)
            chunks[name] = min(chunks[name], cost * AT_ONCE / pieces)
    for transport in made.values():
        await transport.close()
    for what, found in (("a request", plain), ("a chunk", chunks)):
        print(f"CPU µs {what:10}", "  ".join(f"{name} {cost:6.1f}" for name, cost in found.items()), end="  ")
        print(f"ratio {found['aiohttp'] / found['pool']:.2f}")


async def idle_streams(url: str, name: str, streams: int) -> None:
    """KiB that each of many open streams takes."""
    transport = MAKERS[name]()
    await whole(transport, asked(url))
    before = _resident()
    request = asked(url, stream=True, max_tokens=2, seed=60_000)
    answers = []
    for start in range(0, streams, 200):
        answers += await asyncio.gather(*[transport.send(request) for _ in range(min(200, streams - start))])
    print(f"memory of {len(answers)} idle streams  {name:8} {(_resident() - before) / len(answers):6.1f} KiB each")
    for answer in answers:
        answer.release()
    await transport.close()


def _resident() -> int:
    """KiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


@contextmanager
def upstream() -> Iterator[str]:
    program = str(HERE / "wire" / "instant_upstream.py")
    serving = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True)
    assert serving.stdout is not None
    try:
        yield f"http://127.0.0.1:{serving.stdout.readline().strip()}/v1/chat/completions"
    finally:
        serving.terminate()
        serving.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--streams", type=int, default=5_000)
    parser.add_argument("--idle", nargs=2, metavar=("TRANSPORT", "URL"))
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if arguments.idle:
        uvloop.run(idle_streams(arguments.idle[1], arguments.idle[0], arguments.streams))
        return
    with upstream() as url:
        uvloop.run(compare(url, arguments.requests))
        for name in MAKERS:
            again = [sys.executable, __file__, "--idle", name, url, "--streams", str(arguments.streams)]
            subprocess.run(again, check=True)


if __name__ == "__main__":
    main()
