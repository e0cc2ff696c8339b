"""A request that has ended, however it did, leaves no reference cycle that keeps its body in memory."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pytest

from fairtrial.config.plan.published import publish
from fairtrial.domain.plan import Published
from gateway.proxy.wire.json_bodies import RequestBody
from tests.fixtures.gateway.gateway_fixture import key, plan_for
from tests.fixtures.gateway.worker_fixture import request, worker_in
from tests.fixtures.upstream.server import FakeUpstream

SECRET = "ft-cycles"
CHAT = {"model": "base-direct", "messages": [{"role": "user", "content": "Hi"}]}
TIMES = 3
MORE = pytest.mark.release("load")


@pytest.mark.parametrize(
    ("changes", "answered"),
    [
        ({}, b"200 OK"),
        pytest.param({"stream": True}, b"[DONE]", marks=MORE),
        ({"model": "unknown"}, b"model_not_found"),
        ({"fake": {"kind": "reset"}}, b"upstream_reset"),
        pytest.param({"fake": {"kind": "json", "status": 500}}, b"500 Internal", marks=MORE),
        ({"stream": True, "fake": {"kind": "stream", "then": "reset", "done": False}}, b"upstream_reset"),
        pytest.param(
            {"stream": True, "fake": {"kind": "stream", "events": "data: {broken\n\n"}},
            b"upstream_bad_answer",
            marks=MORE,
        ),
    ],
    ids=["whole", "stream", "refused", "reset", "error", "stream-reset", "stream-malformed"],
)
async def test_a_request_that_has_ended_leaves_no_body_in_memory(
    tmp_path: Path, changes: dict[str, Any], answered: bytes
) -> None:
    with FakeUpstream() as upstream:
        publish(tmp_path / "plan.json", Published(plan_for(upstream.url), "keys", (key(SECRET, "complete"),), "pepper"))
        async with worker_in(tmp_path) as address:
            gc.freeze()  # only objects that are made from here on are listed
            gc.disable()
            try:
                for _ in range(TIMES):
                    assert answered in await ask(address, {**CHAT, **changes})
                await asyncio.sleep(0.05)
                assert bodies() == 0
            finally:
                gc.enable()


def bodies() -> int:
    return sum(isinstance(item, RequestBody) for item in gc.get_objects())


async def ask(address: tuple[str, int], fields: dict[str, Any]) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request(json.dumps(fields).encode(), SECRET, close=True))
    answer = await reader.read()
    writer.close()
    return answer
