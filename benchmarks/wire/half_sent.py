"""Many connections of one key that send half of what they announce, and a harmless twin of equal bytes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Protocol

CONNECTIONS, FIRST_SECONDS, EVERY_SECONDS = 2_500, 4.0, 10.0
"""All have sent once after the first seconds; then each is closed and opened again every so often."""

STATUS = slice(9, 12)
"""Where the status stands in a response's first line."""


class Traffic(Protocol):
    """Where a connection goes, and what became of it."""

    port: int
    sent: int
    statuses: Counter[int]


async def half_sent(traffic: Traffic, request: Callable[[int], bytes], *, hostile: bool) -> None:
    """Keep all connections open until cancelled.

    ``request``: a request whose head announces so many bytes; half of them follow where it is hostile, else all.
    """
    raw = request(2 if hostile else 1)
    async with asyncio.TaskGroup() as group:
        for number in range(CONNECTIONS):
            group.create_task(_one(traffic, raw, place=number / CONNECTIONS))


async def _one(traffic: Traffic, raw: bytes, *, place: float) -> None:
    """One connection after another, each with one request; all are open within the first second."""
    begun = time.perf_counter()
    turn, again = begun + 1 + place * FIRST_SECONDS, begun + 1 + place * EVERY_SECONDS
    await _until(begun + place)
    while True:
        again += EVERY_SECONDS
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", traffic.port)
        except OSError:
            traffic.statuses[0] += 1
            await _until(again)
            continue
        try:
            await _until(turn)
            writer.write(raw)
            traffic.sent += len(raw)
            await _answered(traffic, reader, until=again)
            await _until(again)
        finally:
            writer.close()
        turn = again


async def _until(due: float) -> None:
    await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def _answered(traffic: Traffic, reader: asyncio.StreamReader, *, until: float) -> None:
    """Note the status if a response comes in time, or 0 if the connection ends without one."""
    try:
        async with asyncio.timeout(max(0.0, until - time.perf_counter())):
            line = await reader.readline()
    except TimeoutError:
        return
    except OSError:
        line = b""
    traffic.statuses[int(line[STATUS] or 0)] += 1
