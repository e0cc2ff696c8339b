"""A load generator on bare sockets: as fast as it can, at a steady rate, or many streams at once; prints JSON.

``python benchmarks/load.py PORT MODE SECONDS [CONNECTIONS|RATE|STREAMS]`` with MODE one of full, rate, streams.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time

import uvloop

BODY = json.dumps(
    {"model": "bench", "user": "u-17", "messages": [{"role": "user", "content": "a question of some length " * 36}]}
).encode()
GAP_MS = 20
CHUNKS = 50


def request(extra: str = "", body: bytes = BODY) -> bytes:
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    return f"{head}{extra}content-length: {len(body)}\r\n\r\n".encode() + body


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: bytes) -> None:
    writer.write(raw)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode("latin-1"))
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(length)


async def full(port: int, seconds: float, connections: int) -> dict[str, float]:
    """Requests a second with every connection busy all the time."""
    end, raw = time.perf_counter() + seconds, request()

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        count = 0
        while time.perf_counter() < end:
            await ask(reader, writer, raw)
            count += 1
        writer.close()
        return count

    counts = await asyncio.gather(*(one() for _ in range(connections)))
    return {"per_second": sum(counts) / seconds}


async def rate(port: int, seconds: float, per_second: int) -> dict[str, float]:
    """Latencies in milliseconds at a steady rate; a connection is used for one request at a time."""
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    latencies: list[float] = []
    raw = request()

    async def one() -> None:
        reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        started = time.perf_counter()
        await ask(reader, writer, raw)
        latencies.append((time.perf_counter() - started) * 1000)
        idle.append((reader, writer))

    begun, tasks = time.perf_counter(), []
    for number in range(int(seconds * per_second)):
        await asyncio.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
        tasks.append(asyncio.create_task(one()))
    await asyncio.gather(*tasks)
    cuts = statistics.quantiles(latencies, n=100)
    return {"p50_ms": cuts[49], "p99_ms": cuts[98]}


async def streams(port: int, seconds: float, count: int) -> dict[str, float]:
    """Chunks a second that arrive over many streams at once, a chunk each 20 ms for each stream."""
    end, raw = (
        time.perf_counter() + seconds,
        request(f"x-chunks: {CHUNKS}\r\nx-gap-ms: {GAP_MS}\r\n", BODY[:-1] + b',"stream":true}'),
    )

    async def one() -> int:
        seen = 0
        while time.perf_counter() < end:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(raw)
            await reader.readuntil(b"\r\n\r\n")
            while b"[DONE]" not in (piece := await reader.read(65536)):
                seen += piece.count(b"data: ")
            writer.close()
        return seen

    started = time.perf_counter()
    total = sum(await asyncio.gather(*(one() for _ in range(count))))
    return {"chunks_per_second": total / (time.perf_counter() - started)}


async def main() -> None:
    """Run the mode that the arguments name."""
    port, mode, seconds, number = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    print(json.dumps(await {"full": full, "rate": rate, "streams": streams}[mode](port, seconds, number)))


if __name__ == "__main__":
    uvloop.run(main())
