"""C13 and C14: a slow reader holds its upstream back instead of filling memory; a thousand streams stay apart."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conformance.harness.stream_events import DONE, chunk, event
from tests.conformance.harness.stream_fixture import ASK, BEARER, Pair, gateway_before
from tests.fixtures.gateway.gateway_fixture import Rig
from tests.fixtures.gateway.raw_client import RawClient, request_bytes
from tests.fixtures.gateway.samples import total
from tests.fixtures.upstream.manual_upstream import STREAM_HEAD, Exchange

MIB = 2**20
READERS = 8
EVENT = event(chunk({"content": "x" * 2**16}))
EVENTS = 40 * MIB // len(EVENT)
"""More than all buffers of the system on the way."""

BUFFERS = 24 * MIB
PER_READER = 4 * MIB
"""What is kept of a stream for its record, its end, and what is on its way through."""

STREAMS = 1000
WORDS = 8
FOR_A_THOUSAND = 96 * MIB


def _rss(rig: Rig) -> int:
    status = Path(f"/proc/{rig.worker_pids()[0]}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


class _Pouring:
    """A script that sends as fast as it is let; counts what it could send."""

    def __init__(self) -> None:
        self.sent = 0
        self._lock = threading.Lock()

    def __call__(self, asked: Exchange) -> None:
        asked.raw(STREAM_HEAD)
        for _ in range(EVENTS):
            asked.stream(EVENT)
            with self._lock:
                self.sent += len(EVENT)
        asked.stream(DONE)
        asked.end()

    def await_stop(self) -> None:
        """Wait until no more is taken from it."""
        before = -1
        while before != self.sent:
            before = self.sent
            time.sleep(0.7)


@pytest.mark.release("load")
def test_c13_readers_that_take_nothing_hold_their_upstreams_back_and_cost_little_memory(pair: Pair) -> None:
    with RawClient(pair.gateway) as client:  # a first stream, so that what is loaded once is loaded
        pair.upstream.script = lambda asked: (asked.raw(STREAM_HEAD), asked.stream(EVENT, DONE), asked.end())[0]
        client.post(ASK, **BEARER)
        client.answer()
    before, pouring = _rss(pair.rig), _Pouring()
    pair.upstream.script = pouring
    clients = [RawClient(pair.gateway, receive_buffer=2**15) for _ in range(READERS)]
    try:
        for client in clients:
            client.post(ASK, **BEARER)
        pouring.await_stop()
        grown = _rss(pair.rig) - before
        print(f"{READERS} slow readers: {pouring.sent / MIB:.1f} MiB sent, {grown / MIB:.1f} MiB more memory")
        assert 0 < pouring.sent < READERS * BUFFERS
        assert grown < READERS * PER_READER
        received = b"".join(_rest(clients[0]))
        assert received.count(EVENT) == EVENTS
        assert received.endswith(DONE + b"\r\n0\r\n\r\n")
    finally:
        for client in clients:
            client.close()


def _rest(client: RawClient) -> Iterator[bytes]:
    """What comes until the end of the body."""
    last = b""
    while not last.endswith(b"0\r\n\r\n"):
        piece = client.receive()
        assert piece, "closed before its end"
        last = last[-8:] + piece
        yield piece


class _Meeting:
    """A script whose streams each say their own words; all wait in the middle until everybody is there."""

    def __init__(self) -> None:
        self.all_here = threading.Event()

    def __call__(self, asked: Exchange) -> None:
        words = _words(asked.json["user"])
        asked.raw(STREAM_HEAD)
        asked.stream(*words[: WORDS // 2])
        self.all_here.wait(60)
        asked.stream(*words[WORDS // 2 :])
        asked.end()


def _words(user: str) -> list[bytes]:
    return [*(event(chunk({"content": f"{user} says {number}"})) for number in range(WORDS)), DONE]


@pytest.fixture(name="crowd", scope="module")
def crowd_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    settings = {"max_in_flight": STREAMS + 24, "max_share_per_key": 100}
    with gateway_before(tmp_path_factory.mktemp("crowd"), **settings) as pair:
        yield pair


@pytest.mark.release("load")
def test_c14_a_thousand_streams_at_a_time_each_get_their_own_words_and_memory_is_flat(crowd: Pair) -> None:
    asyncio.run(_round(crowd, 50))
    idle = _rss(crowd.rig)
    peaks = []
    for _ in range(2):
        assert asyncio.run(_round(crowd, STREAMS)) == STREAMS, "all of them are under way at once"
        peaks.append(_rss(crowd.rig))
    print(f"idle {idle / MIB:.0f} MiB, after each thousand {[f'{peak / MIB:.0f}' for peak in peaks]} MiB")
    assert peaks[0] - idle < FOR_A_THOUSAND
    assert peaks[1] - peaks[0] < FOR_A_THOUSAND / 4, "a second thousand takes the memory of the first"


async def _round(crowd: Pair, streams: int) -> int:
    """Ask them all; how many were under way once every one of them had begun."""
    meeting = _Meeting()
    crowd.upstream.script = meeting
    begun = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as asking:  # one that fails ends them all
        for number in range(streams):
            asking.create_task(_ask(crowd.gateway, f"user-{number}", begun))
        for _ in range(streams):
            await begun.acquire()
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"{crowd.rig.root}/metrics")).text
        meeting.all_here.set()
    return int(total(text, "in_flight"))


async def _ask(port: int, user: str, begun: asyncio.Semaphore) -> None:
    """Ask until it is taken on, as the official client does; then every word must be this user's own."""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ask = {**ASK, "user": user, "stream_options": {"include_usage": True}}
        writer.write(request_bytes(ask, headers={**BEARER, "connection": "close"}))
        wire = await reader.readuntil(b"\r\n\r\n")
        if not wire.startswith(b"HTTP/1.1 503 "):
            break
        writer.close()
        await asyncio.sleep(1)
    assert wire.startswith(b"HTTP/1.1 200 ")
    wire += await reader.readuntil(b"says 0")
    begun.release()
    wire += await reader.read(-1)
    writer.close()
    await writer.wait_closed()
    said = [json.loads(line[6:]) for line in wire.split(b"\n") if line.startswith(b"data: {")]
    words = [made["choices"][0]["delta"]["content"] for made in said]
    assert words == [f"{user} says {number}" for number in range(WORDS)]
    assert wire.count(DONE) == 1
