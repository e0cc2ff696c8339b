"""Callers that read slowly or not at all: a stop costs none of their answer, and they cost nobody else's place."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from fairtrial.domain.settings import Timeouts
from tests.fixtures.gateway.gateway_fixture import Rig, deployment, plan_for, running
from tests.fixtures.gateway.module_gateway import DIRECT
from tests.fixtures.gateway.samples import total
from tests.fixtures.upstream.server import FakeUpstream
from tests.fixtures.waiting import PATIENCE

LARGE = 8 * 2**20
WHOLE = {"kind": "bytes", "headers": {"content-type": "application/json"}, "body": '{"id":"' + "x" * LARGE + '"}'}
EVENT = 'data: {"id":"c","choices":[{"index":0,"delta":{"content":"' + "y" * (LARGE // 2) + '"}}]}\n\n'
STREAM = {"kind": "stream", "events": [EVENT, EVENT, "data: [DONE]\n\n"]}


@pytest.fixture(name="rig")
def rig_fixture(upstream: FakeUpstream, tmp_path: Path) -> Iterator[Rig]:
    with running(tmp_path, max_in_flight=4, drain=120, others="base") as rig:
        yield rig


def publish(rig: Rig, upstream: FakeUpstream, *, idle: float) -> None:
    base = deployment("base", upstream.url, timeouts=Timeouts(5.0, 60.0, idle, 600.0))
    rig.publish(plan_for(upstream.url, deployments={"base": base, "tuned": deployment("tuned", upstream.url)}))


def connected(rig: Rig, method: str, path: str, body: dict[str, Any] | None = None) -> socket.socket:
    """A caller with a small buffer that has asked, and has read nothing."""
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**15)
    caller.connect(("127.0.0.1", rig.supervisor.port))
    sent = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    caller.sendall(f"{head}content-length: {len(sent)}\r\nconnection: close\r\n\r\n".encode() + sent)
    return caller


def asked(rig: Rig, *, stream: bool) -> socket.socket:
    return connected(rig, "POST", "/v1/chat/completions", {**DIRECT, "stream": stream})


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_read_slowly_ends_whole_though_the_gateway_stops(
    rig: Rig, upstream: FakeUpstream, stream: bool
) -> None:
    publish(rig, upstream, idle=60.0)
    upstream.script = STREAM if stream else WHOLE
    with closing(asked(rig, stream=stream)) as caller:
        answer = bytearray(caller.recv(2**15))
        stopping = threading.Thread(target=rig.end, args=(120,))
        stopping.start()
        while piece := caller.recv(2**17):
            answer += piece
            time.sleep(0.01)
        stopping.join()
    assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n" if stream else b'x"}')
    assert len(answer) > LARGE


def test_callers_that_take_nothing_of_their_answers_lose_their_places(rig: Rig, upstream: FakeUpstream) -> None:
    publish(rig, upstream, idle=0.5)
    upstream.script = WHOLE
    callers = [asked(rig, stream=False) for _ in range(4)]
    try:
        given_up(rig)
    finally:
        for caller in callers:
            caller.close()


def test_so_do_those_of_what_is_passed_on(rig: Rig, upstream: FakeUpstream) -> None:
    publish(rig, upstream, idle=0.5)
    upstream.script = {"kind": "flood", "mib": 64}
    callers = [connected(rig, "GET", "/v1/files/f/content") for _ in range(4)]
    try:
        given_up(rig)
    finally:
        for caller in callers:
            caller.close()


def given_up(rig: Rig) -> None:
    """All places were taken, and are free again while the callers are still there."""
    deadline, most = time.monotonic() + 60, 0.0
    while True:
        metrics = httpx.get(f"{rig.root}/metrics", timeout=PATIENCE).text
        count = total(metrics, "in_flight")
        most = max(most, count)
        if most and not count:
            return
        assert time.monotonic() < deadline, (most, count)
        time.sleep(0.05)
