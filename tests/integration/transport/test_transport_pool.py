"""The pool of connections: which are used again, which never, how many there are, and who gets the next one."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.proxy.transport.pool import connection as pool_connection, pool
from gateway.proxy.transport.pool.connection import PoolConnection
from gateway.proxy.transport.pool.pool import PoolTransport
from tests.fixtures.gateway.transport_fixture import echo, failure, request, whole
from tests.fixtures.upstream.connection_server import GOOD, Connection
from tests.fixtures.upstream.raw_upstream import RawUpstream
from tests.fixtures.waiting import PATIENCE

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture
async def transport() -> AsyncIterator[PoolTransport]:
    made = PoolTransport()
    yield made
    await made.close()


async def test_a_connection_is_used_again_the_last_one_first(transport: PoolTransport) -> None:
    async def numbered(connection: Connection) -> None:
        while True:
            await connection.read_request()
            if connection.number == 1:
                await asyncio.sleep(0.05)
            await connection.answer(b"%d" % connection.number)

    async with RawUpstream(numbered) as upstream:
        await asyncio.gather(*[whole(transport, request(upstream.url)) for _ in range(3)])
        found = {(await whole(transport, request(upstream.url))).body for _ in range(5)}
        assert found == {b"1"} and upstream.connections == 3


@pytest.mark.parametrize(
    "extra", [GOOD % (5, b"WRONG"), b"H", b"junk", b"\0", b"\r\nHTTP/1.1 200 OK\r\n\r\nWRONG", b"0\r\n\r\n"]
)
@pytest.mark.parametrize("when", ["in the same packet", "later"])
async def test_what_comes_after_an_answer_is_never_the_next_one(
    transport: PoolTransport, extra: bytes, when: str
) -> None:
    async def serve(connection: Connection) -> None:
        while True:
            body = (await connection.read_request())[1]
            raw = GOOD % (len(body), body)
            await connection.send(*([raw + extra] if when == "in the same packet" else [raw, extra]))

    async with RawUpstream(serve) as upstream:
        for number in range(4):
            token = b"token-%d" % number
            assert (await whole(transport, request(upstream.url, token))).body == token
            await asyncio.sleep(0.01)
        assert upstream.connections == 4


async def test_bytes_that_the_loop_has_not_seen_yet_are_found_before_the_next_request(
    transport: PoolTransport,
) -> None:
    connections: list[Connection] = []

    async def serve(connection: Connection) -> None:
        connections.append(connection)
        await echo(connection)

    async with RawUpstream(serve) as upstream:
        await whole(transport, request(upstream.url, b"first"))
        os.write(
            connections[0].writer.get_extra_info("socket").fileno(), GOOD % (5, b"WRONG")
        )  # the loop hasn't had a turn since
        assert (await whole(transport, request(upstream.url, b"second"))).body == b"second"


@pytest.mark.parametrize("how", ["end", "reset"])
async def test_what_a_server_that_closed_its_idle_connection_never_got_is_sent_once_more(
    transport: PoolTransport, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(PoolConnection, "usable", _unnoticed(PoolConnection.usable))
    loop, listening = asyncio.get_running_loop(), socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"

    async def serve(body: bytes) -> socket.socket:
        accepted, _ = await loop.sock_accept(listening)
        while not (await loop.sock_recv(accepted, 2**16)).endswith(body):
            pass
        await loop.sock_sendall(accepted, GOOD % (len(body), body))
        return accepted

    first, _ = await asyncio.gather(serve(b"one"), whole(transport, request(url, b"one")))
    if how == "reset":
        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    second = asyncio.create_task(serve(b"two"))
    await asyncio.sleep(0)
    first.close()  # and at once, before the loop can know:
    assert (await whole(transport, request(url, b"two"))).body == b"two"
    (await second).close()
    listening.close()


def _unnoticed(usable: Callable[[PoolConnection], bool]) -> Callable[[PoolConnection], bool]:
    """As if the close had come a moment after the look."""

    def look(connection: PoolConnection) -> bool:
        usable(connection)
        return True

    return look


async def test_a_fresh_connection_that_closes_is_not_tried_again(transport: PoolTransport) -> None:
    async def never(connection: Connection) -> None:
        await connection.read_request()

    async with RawUpstream(never) as upstream:
        assert await failure(transport, request(upstream.url)) == "reset"
        assert upstream.connections == 1


async def test_a_request_of_which_an_answer_has_begun_is_not_sent_again(transport: PoolTransport) -> None:
    async def half(connection: Connection) -> None:
        await connection.answer((await connection.read_request())[1])
        await connection.read_request()
        await connection.send(b"H")

    async with RawUpstream(half) as upstream:
        await whole(transport, request(upstream.url))
        assert await failure(transport, request(upstream.url)) in ("reset", "bad_answer")
        assert upstream.connections == 1


async def test_a_request_that_was_received_is_not_sent_again(transport: PoolTransport) -> None:
    async def dying(connection: Connection) -> None:
        await connection.answer((await connection.read_request())[1])
        await connection.read_request()

    async with RawUpstream(dying) as upstream:
        await whole(transport, request(upstream.url))
        assert await failure(transport, request(upstream.url)) == "reset"
        assert upstream.connections == 1


async def test_an_idle_connection_is_closed_in_time(transport: PoolTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.05)
    closed = asyncio.Event()

    async def serve(connection: Connection) -> None:
        await connection.answer((await connection.read_request())[1])
        await connection.wait_closed()
        closed.set()

    async with RawUpstream(serve) as upstream:
        await whole(transport, request(upstream.url))
        await asyncio.wait_for(closed.wait(), PATIENCE)


async def test_an_abandoned_answer_closes_its_connection(transport: PoolTransport) -> None:
    closed = asyncio.Semaphore(0)

    async def endless(connection: Connection) -> None:
        await connection.read_request()
        if connection.number == 1:
            await connection.send(CHUNKED + b"1\r\na\r\n")
        await connection.wait_closed()
        closed.release()

    async with RawUpstream(endless) as upstream:
        answer = await transport.send(request(upstream.url))
        assert await answer.read() == b"a"
        answer.release()
        answer.release()
        await asyncio.wait_for(closed.acquire(), PATIENCE)
        waiting = asyncio.create_task(transport.send(request(upstream.url)))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.wait_for(closed.acquire(), PATIENCE)
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_reader_that_does_not_read_holds_the_upstream_back(transport: PoolTransport) -> None:
    sent = 0

    async def flood(connection: Connection) -> None:
        nonlocal sent
        await connection.read_request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % 2**27)
        for _ in range(2**7):
            await connection.send(b"x" * 2**20)
            sent += 1

    async with RawUpstream(flood) as upstream:
        answer = await transport.send(request(upstream.url))
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.1)
        assert sent < 32  # the buffers of the kernel and of the server, and 256 KiB here
        assert answer.unread < 2 * pool_connection.UNREAD_LIMIT + 2**18
        size = 0
        while piece := await answer.read():
            size += len(piece)
        assert size == 2**27


async def test_a_bomb_is_unpacked_a_little_at_a_time(transport: PoolTransport) -> None:
    bomb = gzip.compress(b"\0" * 2**25)
    raw = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (len(bomb), bomb)

    async def serve(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(raw)

    async with RawUpstream(serve) as upstream:
        found = await whole(transport, request(upstream.url))
        assert max(map(len, found.pieces)) <= 2**18 and len(found.body) == 2**25
