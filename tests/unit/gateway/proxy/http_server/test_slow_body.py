"""A head or body that stops gets 408 and its connection is closed; a body at the lowest allowed rate is read."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from fairtrial.domain.errors import RequestError
from fairtrial.domain.limits.server_settings import USUAL
from gateway.proxy.admission.admission import Admission
from gateway.proxy.http_server import server as serving
from gateway.proxy.http_server.request_cycle import RequestCycle
from gateway.proxy.http_server.request_reader import read_body
from gateway.proxy.http_server.server import Server
from gateway.proxy.wire.http import ClientGone, lines_of
from gateway.proxy.wire.openai_errors import error_body, error_headers
from tests.fixtures.for_each import for_each

GRACE, RATE, LIMIT = 0.4, 100, 2000
HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "TICK_SECONDS", 0.02)


def reads(seen: list[str], admission: Admission) -> Callable[[RequestCycle], None]:
    """Serve each request by reading its body, and append the result to ``seen``."""

    async def run(cycle: RequestCycle) -> None:
        try:
            body = await read_body(cycle, admission, limit=LIMIT)
            cycle.answer(200, [], body)
        except RequestError as error:
            seen.append(type(error).__name__)
            cycle.answer(error.status, lines_of(error_headers(error, "id")), error_body(error))
        except ClientGone:
            seen.append("gone")

    def serve(cycle: RequestCycle) -> None:
        cycle.task = asyncio.get_running_loop().create_task(run(cycle))

    return serve


@asynccontextmanager
async def connected(
    serve: Callable[[RequestCycle], None],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = Server(serve, Admission(8), replace(USUAL, body_grace=GRACE, min_body_rate=RATE))
    running = asyncio.create_task(server.run(listening))
    await asyncio.sleep(0)
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    yield reader, writer
    writer.close()
    server.stop()
    await running


async def everything(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(20):
        return await reader.read()


@pytest.mark.parametrize("pieces", [(), (b"{",), (b"{" * 1500,)])
async def test_a_body_that_stops_coming_is_a_408_and_the_connection_ends(pieces: tuple[bytes, ...]) -> None:
    seen: list[str] = []
    async with connected(reads(seen, Admission(8))) as (reader, writer):
        writer.write(HEAD % 2000 + b"".join(pieces))
        answer = await everything(reader)
    assert answer.startswith(b"HTTP/1.1 408 ") and b"connection: close\r\n" in answer and b"request_timeout" in answer
    assert seen == ["TooSlow"]


async def test_a_body_that_trickles_is_a_408_too() -> None:
    seen: list[str] = []
    async with connected(reads(seen, Admission(8))) as (reader, writer):
        writer.write(HEAD % 2000)
        answering = asyncio.create_task(everything(reader))
        while not answering.done():
            writer.write(b"x")
            await asyncio.sleep(GRACE / 10)
        with suppress(ConnectionResetError):  # a piece that arrives after the end may reset the connection
            assert answering.result().startswith(b"HTTP/1.1 408 ")
    assert seen == ["TooSlow"]


async def test_a_body_that_comes_at_the_least_rate_is_read_however_long_that_takes() -> None:
    async with connected(reads([], Admission(8))) as (reader, writer):
        writer.write(HEAD % 1600)
        for _ in range(16):
            writer.write(b"x" * 100)
            await asyncio.sleep(GRACE / 5)  # five times the lowest allowed rate
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_nobody_reads_any_more_is_not_waited_for_either() -> None:
    def refuses(cycle: RequestCycle) -> None:
        cycle.answer(401, [], b"no")

    async with connected(refuses) as (reader, writer):
        writer.write(HEAD % 2000 + b"x")
        answer = await everything(reader)
    assert answer.startswith(b"HTTP/1.1 401 ") and answer.endswith(b"no")


async def test_a_caller_that_waits_to_be_asked_for_its_body_is_not_slow() -> None:
    async def later(cycle: RequestCycle) -> None:
        await asyncio.sleep(3 * GRACE)
        cycle.answer(200, [], await read_body(cycle, Admission(8), limit=LIMIT))

    def serve(cycle: RequestCycle) -> None:
        cycle.task = asyncio.get_running_loop().create_task(later(cycle))

    async with connected(serve) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ab")
        assert (await reader.readuntil(b"ab")).startswith(b"HTTP/1.1 200 ")


async def test_a_body_that_says_it_is_too_large_is_a_413_before_it_is_asked_for() -> None:
    async with connected(reads([], Admission(8))) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2001\r\n\r\n")
        answer = await everything(reader)
    assert answer.startswith(b"HTTP/1.1 413 ") and b"100 Continue" not in answer


async def test_a_caller_that_leaves_in_the_middle_has_left() -> None:
    seen: list[str] = []
    async with connected(reads(seen, Admission(8))) as (_, writer):
        writer.write(HEAD % 2000 + b"x")
        await asyncio.sleep(0.05)
        writer.close()
        while not seen:  # noqa: ASYNC110 - the server's side of it
            await asyncio.sleep(0.01)
    assert seen == ["gone"]


IDLE = 0.3


@for_each("answered", [0, 1])
@for_each("part", [b"G", b"\r\nPOST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-y: ", HEAD[:-2] % 9])
async def test_a_head_that_stops_is_a_408_in_the_envelope(
    monkeypatch: pytest.MonkeyPatch, part: bytes, answered: int
) -> None:
    monkeypatch.setattr(serving, "IDLE_SECONDS", IDLE)
    async with connected(reads([], Admission(8))) as (reader, writer):
        writer.write((HEAD % 1 + b"x") * answered)
        if answered:
            assert (await reader.readuntil(b"\r\n\r\nx")).startswith(b"HTTP/1.1 200 ")
        writer.write(part)
        answer = await everything(reader)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n") and b"connection: close\r\n" in head + b"\r\n"
    error = json.loads(body)["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "request_timeout", None)
    assert error["message"].startswith("the request head stopped coming or came too slowly")


@for_each("sent", [b"", b"\r\n", HEAD % 1 + b"x"])
async def test_a_connection_without_a_begun_head_is_closed_silently(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(serving, "IDLE_SECONDS", IDLE)
    async with connected(reads([], Admission(8))) as (reader, writer):
        writer.write(sent)
        assert b"408" not in await everything(reader)


async def test_a_head_that_trickles_has_no_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "IDLE_SECONDS", IDLE)
    async with connected(reads([], Admission(8))) as (reader, writer):
        writer.write(HEAD[:-2] % 1)
        answering = asyncio.create_task(everything(reader))
        while not answering.done():
            writer.write(b"x")
            await asyncio.sleep(IDLE / 10)
        with suppress(ConnectionResetError):  # a piece that arrives after the end may reset the connection
            assert answering.result().startswith(b"HTTP/1.1 408 ")


async def test_a_head_that_begins_late_on_an_idle_connection_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "IDLE_SECONDS", 2.0)
    head = HEAD % 1
    async with connected(reads([], Admission(8))) as (reader, writer):
        for piece in (b"", head[:9], head[9:] + b"x"):
            writer.write(piece)
            await asyncio.sleep(1.2)
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")
