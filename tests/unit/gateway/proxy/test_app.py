"""One task serves all requests of a connection, and it ends with the connection."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fairtrial.config.plan.published import publish
from fairtrial.domain.plan import Published
from gateway.proxy.app import _ConnectionRequests
from tests.fixtures.gateway.gateway_fixture import key, plan_for
from tests.fixtures.gateway.worker_fixture import request, worker_in
from tests.fixtures.upstream.server import FakeUpstream

SECRET = "ft-app"
CHAT = json.dumps({"model": "bot", "user": "anna", "messages": [{"role": "user", "content": "Hi"}]}).encode()


@pytest.mark.parametrize("requests", [0, 1, 3])
async def test_the_task_of_a_connection_ends_with_it(tmp_path: Path, requests: int) -> None:
    with FakeUpstream() as upstream:
        publish(tmp_path / "plan.json", Published(plan_for(upstream.url), "keys", (key(SECRET, "complete"),), "pepper"))
        async with worker_in(tmp_path) as address:
            before = asyncio.all_tasks()
            reader, writer = await asyncio.open_connection(*address)
            for _ in range(requests):
                writer.write(request(CHAT, SECRET))
                assert await answered(reader) == b"HTTP/1.1 200 OK"
            assert len(asyncio.all_tasks() - before) == min(requests, 1)
            writer.close()
            async with asyncio.timeout(10):
                for task in asyncio.all_tasks() - before:
                    await asyncio.wait([task])
            assert asyncio.all_tasks() == before


async def test_requests_that_arrive_together_are_answered_in_their_order(tmp_path: Path) -> None:
    with FakeUpstream() as upstream:
        publish(tmp_path / "plan.json", Published(plan_for(upstream.url), "keys", (key(SECRET, "complete"),), "pepper"))
        async with worker_in(tmp_path) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(request(CHAT, SECRET) + request(CHAT, "wrong") + request(CHAT, SECRET, close=True))
            states = [(await answered(reader)).split()[1] for _ in range(3)]
            assert states == [b"200", b"401", b"200"]
            assert await reader.read() == b""
            writer.close()


async def test_requests_that_wait_for_nothing_leave_turns_to_others() -> None:
    turns, served = 0, 0

    async def serve(cycle: Any) -> None:
        nonlocal served
        served += 1
        if served < 100:
            requests.begin(cycle)

    async def others() -> None:
        nonlocal turns
        while served < 100:
            turns += 1
            await asyncio.sleep(0)

    requests = _ConnectionRequests(serve)
    task = asyncio.create_task(others())
    requests.begin(SimpleNamespace(task=None))  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        await task
    requests.end()
    assert turns >= 50


async def test_a_connection_whose_task_fails_is_aborted() -> None:
    aborted = asyncio.Event()

    async def serve(_: Any) -> None:
        raise RuntimeError("a defect")

    requests = _ConnectionRequests(serve)
    requests.begin(SimpleNamespace(task=None, connection=SimpleNamespace(abort=aborted.set)))  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        await aborted.wait()
    with pytest.raises(RuntimeError, match="a defect"):
        await requests._task


async def answered(reader: asyncio.StreamReader) -> bytes:
    """Read one response with a length; returns its first line."""
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
    return head.split(b"\r\n")[0]
