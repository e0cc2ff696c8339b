"""How many connections there are and who gets the next one; addresses, TLS, and what closing ends."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.proxy.transport.pool.pool import PoolTransport
from gateway.proxy.transport.tcp import Dialer
from gateway.proxy.transport.transport import TransportError, UpstreamResponse
from tests.fixtures.gateway.transport_fixture import echo, failure, request, whole
from tests.fixtures.upstream.connection_server import Connection
from tests.fixtures.upstream.raw_upstream import RawUpstream

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture
async def transport() -> AsyncIterator[PoolTransport]:
    made = PoolTransport()
    yield made
    await made.close()


async def test_at_the_limit_requests_wait_in_their_order() -> None:
    transport = PoolTransport(per_origin=1)
    order: list[bytes] = []

    async def slow(connection: Connection) -> None:
        while True:
            body = (await connection.read_request())[1]
            order.append(body)
            await asyncio.sleep(0.01)
            await connection.answer(body)

    async with RawUpstream(slow) as upstream:
        tasks = [asyncio.create_task(whole(transport, request(upstream.url, b"%d" % n))) for n in range(8)]
        await asyncio.sleep(0.005)
        tasks[3].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [b"%d" % n for n in range(8) if n != 3] and upstream.connections == 1
    await transport.close()


async def test_an_idle_connection_makes_room_for_another_origin() -> None:
    transport = PoolTransport(limit=1)
    async with RawUpstream(echo) as one, RawUpstream(echo) as other:
        for upstream in (one, other, one, other):
            assert (await whole(transport, request(upstream.url, b"a"))).body == b"a"
        assert (one.connections, other.connections) == (2, 2)
    await transport.close()


async def test_a_place_is_free_again_after_every_kind_of_end() -> None:
    transport = PoolTransport(limit=1)

    async def ending(connection: Connection) -> None:
        _, how = await connection.read_request()
        if how == b"reset":
            connection.reset()
        elif how == b"bad":
            await connection.send(b"nonsense\r\n\r\n")
        elif how == b"good":
            await connection.answer(how)
            await echo(connection)
        elif how == b"hang":
            await connection.wait_closed()

    async with RawUpstream(ending) as upstream:
        for how in (b"reset", b"bad", b"good", b"end", b"hang", b"good"):
            task = asyncio.create_task(failure(transport, request(upstream.url, how)))
            await asyncio.sleep(0.02)
            if how == b"hang":
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert (await whole(transport, request(upstream.url, b"good"))).body == b"good"
    assert await failure(transport, request(upstream.url)) == "connect"
    await transport.close()


async def test_a_server_that_does_not_accept_is_given_up_in_time(transport: PoolTransport) -> None:
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = full.getsockname()[1]
    clients = [socket.socket() for _ in range(4)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
    try:
        asked = request(f"http://127.0.0.1:{port}/", connect=0.2)
        assert await failure(transport, asked) == "connect"
    finally:
        for client in (*clients, full):
            client.close()


async def test_each_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawUpstream(echo) as upstream:
        dialer = Dialer()
        found = [(socket.AF_INET, ("127.0.0.1", port)) for port in (1, upstream.port, 2)]

        async def addresses(host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
            return found

        monkeypatch.setattr(Dialer, "_addresses", lambda self, host, port: addresses(host, port))
        for _ in range(3):
            (await dialer.dial("some.name", 80)).close()
        found[1] = (socket.AF_INET, ("127.0.0.1", 3))
        with pytest.raises(ConnectionRefusedError):
            await dialer.dial("some.name", 80)


async def test_closing_ends_what_is_under_way(transport: PoolTransport) -> None:
    async def hang(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(CHUNKED)
        await connection.wait_closed()

    async with RawUpstream(hang) as upstream:
        answer: UpstreamResponse = await transport.send(request(upstream.url))
        await transport.close()
        with pytest.raises(TransportError):
            await answer.read()
        assert await failure(transport, request(upstream.url)) == "connect"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*made, "-days", "2", *name, *files], check=True, capture_output=True)
    return folder


async def test_tls_is_verified_by_name_and_by_issuer(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    large = os.urandom(2**21)
    async with RawUpstream(echo, tls=context) as upstream:
        url = f"https://localhost:{upstream.port}/v1"
        stranger = PoolTransport()
        assert await failure(stranger, request(url)) == "connect"
        await stranger.close()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
        transport = PoolTransport()
        begun = upstream.connections
        for body in (b"one", b"two", large, b"three"):
            assert (await whole(transport, request(url, body))).body == body
        assert upstream.connections <= begun + 3
        assert await failure(transport, request(url.replace("localhost", "127.0.0.1"))) == "connect"
        await transport.close()


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_a_request_that_was_received_over_tls_is_not_sent_again(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    received = 0

    async def dying(connection: Connection) -> None:
        nonlocal received
        await connection.answer((await connection.read_request())[1])
        received += bool(await connection.read_request())
        if ending == "reset":
            connection.writer.transport.abort()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    async with RawUpstream(dying, tls=context) as upstream:
        transport = PoolTransport()
        url = f"https://localhost:{upstream.port}/v1"
        await whole(transport, request(url))
        begun = upstream.connections
        assert await failure(transport, request(url)) == "reset"
        assert (upstream.connections, received) == (begun, 1)
        await transport.close()
