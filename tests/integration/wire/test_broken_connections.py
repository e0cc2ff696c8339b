"""A connection to the upstream that breaks after a request: one request is one request, and the record says so."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from fairtrial.config.plan.published import publish
from fairtrial.domain.limits.server_settings import USUAL
from fairtrial.domain.plan import Published, Route
from fairtrial.journal.response_map import ResponseMap
from fairtrial.journal.writer import JournalWriter
from gateway.proxy.app import alive, build_app
from gateway.proxy.http_server.server import Server
from gateway.proxy.plan.plan_watch import PlanWatch
from gateway.proxy.transport.pool.connection import PoolConnection
from gateway.proxy.transport.pool.pool import PoolTransport
from gateway.proxy.worker_state import SharedCounters, WorkerState
from tests.fixtures.gateway.gateway_fixture import Rig, called_once, deployment, plan_for, running
from tests.fixtures.gateway.module_gateway import DIRECT, post
from tests.fixtures.gateway.recorded_events import recorded_events
from tests.fixtures.upstream.server import FakeUpstream

RESET = {"kind": "reset"}
TIMES = 10


@pytest.fixture(name="breaking", scope="module")
def breaking_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running(tmp_path_factory.mktemp("breaking")) as rig:
        yield rig


@pytest.fixture(name="rig")
def rig_fixture(breaking: Rig, upstream: FakeUpstream) -> Rig:
    breaking.publish(called_once(plan_for(upstream.url)))
    breaking.forget()
    return breaking


def test_a_request_that_the_upstream_read_is_sent_once_and_the_client_may_try_again(
    rig: Rig, upstream: FakeUpstream
) -> None:
    for number in range(TIMES):
        assert post(rig, DIRECT).status_code == 200  # a connection that is used again
        answer = post(rig, {**DIRECT, "fake": RESET}, **{"x-fake-key": f"k{number}"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_reset")
        assert answer.headers["x-should-retry"] == "true"
        assert len(upstream.of(f"k{number}")) == 1
    requests = rig.await_events("request", 2 * TIMES)
    broken = {event["request_id"] for event in requests if event["status"] == 502}
    attempts = [event for event in rig.await_events("attempt", 2 * TIMES) if event["request_id"] in broken]
    assert len(attempts) == len(broken) == TIMES
    assert {event["error_type"] for event in attempts} == {"upstream_error"}


def test_the_official_client_tries_again_and_both_requests_are_recorded(rig: Rig, upstream: FakeUpstream) -> None:
    upstream.script = {"kind": "sequence", "key": "client", "scripts": [RESET, {"kind": "json"}]}
    with openai.OpenAI(base_url=rig.url, api_key="x", max_retries=1) as client:
        assert client.chat.completions.create(**DIRECT).choices  # type: ignore[call-overload]
    assert len(upstream.seen) == 2
    found = [(event["status"], event["retry_ordinal"]) for event in rig.await_events("request", 2)]
    assert found == [(502, 0), (200, 1)]


def test_the_fallback_answers_after_a_second_try(rig: Rig, upstream: FakeUpstream) -> None:
    with FakeUpstream() as other:
        plan = plan_for(
            upstream.url,
            deployments={"base": deployment("base", upstream.url), "other": deployment("other", other.url)},
            routes={"base-direct": Route("base-direct", deployment="base", fallback="other")},
            experiments={},
        )
        rig.publish(plan)
        upstream.script = RESET
        assert post(rig, DIRECT).status_code == 200
        assert (len(upstream.seen), len(other.seen)) == (2, 1)
    found = [(event["purpose"], event["deployment"]) for event in rig.await_events("attempt", 3)]
    assert found == [("live", "base"), ("retry", "base"), ("fallback", "other")]


async def test_a_request_that_is_sent_a_second_time_is_two_attempts_of_one_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upstream's end comes between the look at the connection and its use, which only this process can arrange."""
    usable = PoolConnection.usable
    monkeypatch.setattr(PoolConnection, "usable", lambda connection: usable(connection) or True)
    loop, listening = asyncio.get_running_loop(), socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    bodies: list[bytes] = []

    async def serve() -> socket.socket:
        accepted, _ = await loop.sock_accept(listening)
        while b"messages" not in (raw := await loop.sock_recv(accepted, 2**16)):
            pass
        bodies.append(raw)
        answer = json.dumps({"id": "c", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}).encode()
        await loop.sock_sendall(accepted, b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(answer), answer))
        return accepted

    publish(
        tmp_path / "plan.json",
        Published(plan_for(f"http://127.0.0.1:{listening.getsockname()[1]}/v1"), "open", (), "p"),
    )
    gateway = in_process(tmp_path)
    async with alive(gateway):
        first, _ = await asyncio.gather(serve(), ask(gateway))
        second = asyncio.create_task(serve())
        await asyncio.sleep(0)
        monkeypatch.setattr(PoolConnection, "ask", ended_first(first, PoolConnection.ask))
        assert b"200 OK" in await ask(gateway)
        (await second).close()
    listening.close()
    lines = recorded(tmp_path / "journal")
    attempts = [line for line in lines if line.get("kind") == "attempt"]
    assert [(line["ordinal"], line["purpose"], line["status"]) for line in attempts] == [
        (0, "live", 200), (0, "live", None), (1, "retry", 200),
    ]  # fmt: skip
    assert attempts[1]["request_id"] == attempts[2]["request_id"] and len(bodies) == 2
    assert attempts[1]["error_type"] == "upstream_error" and attempts[1]["tokens_out"] is None
    assert len([line for line in lines if line.get("kind") == "request"]) == 2


def recorded(folder: Path) -> list[dict[str, Any]]:
    return list(recorded_events(line for path in folder.glob("*.jsonl") for line in path.read_bytes().splitlines()))


def ended_first(line: socket.socket, asking: Any) -> Any:
    """As `PoolConnection.ask`, with the upstream's end of this connection just before it."""

    async def ask_after(connection: PoolConnection, *args: Any, **named: Any) -> Any:
        if line.fileno() >= 0:
            line.close()
        return await asking(connection, *args, **named)

    return ask_after


def in_process(folder: Path) -> WorkerState:
    (folder / "journal").mkdir()
    return WorkerState(
        watch=PlanWatch(folder / "plan.json", environ=os.environ),
        journal=JournalWriter(folder / "journal", writer="w0"),
        transport=PoolTransport(),
        name="w0",
        shared_counters=SharedCounters(folder / "counts", "w0"),
        response_map=ResponseMap(folder / "responses.jsonl"),
        settings=USUAL,
    )


async def ask(gateway: WorkerState) -> bytes:
    """The whole answer to one chat, on a connection of its own."""
    server = Server(build_app(gateway), gateway.admission, gateway.settings)
    listening = socket.create_server(("127.0.0.1", 0))
    running_server = asyncio.create_task(server.run(listening))
    try:
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        body = json.dumps(DIRECT).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        writer.write(head + b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        answer = await reader.read()
        writer.close()
        return answer
    finally:
        running_server.cancel()
        await asyncio.gather(running_server, return_exceptions=True)
