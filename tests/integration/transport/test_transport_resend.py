"""A request on a reused connection that broke is sent again only if the upstream provably never read it."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.proxy.transport.pool.connection import PoolConnection
from gateway.proxy.transport.pool.pool import PoolTransport
from gateway.proxy.transport.tcp import patience
from gateway.proxy.transport.transport import Transport
from tests.fixtures.gateway.transport_fixture import MAKERS, failure, request, transport_of, whole
from tests.fixtures.upstream.connection_server import Connection
from tests.fixtures.upstream.raw_upstream import RawUpstream

TRIES = 20
"""The kernel confirms bytes at moments of its own; a fault may need several tries to show."""


@pytest.fixture(params=list(MAKERS))
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    async with transport_of(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*made, "-days", "2", *name, *files], check=True, capture_output=True)
    return folder


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext | None:
    """The server's side of TLS, which the transport trusts; or none."""
    if request.param == "plain":
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    return context


def url(upstream: RawUpstream, tls: ssl.SSLContext | None) -> str:
    return f"{'https' if tls else 'http'}://localhost:{upstream.port}/v1/chat/completions"


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_request_that_was_read_is_never_sent_twice(
    monkeypatch: pytest.MonkeyPatch, transport: Transport, tls: ssl.SSLContext | None, how: str
) -> None:
    if tls is not None and not isinstance(transport, PoolTransport):
        pytest.skip("aiohttp reads the system's certificates when it is imported")
    read: list[bytes] = []

    async def dying(connection: Connection) -> None:
        while True:
            body = (await connection.read_request())[1]
            read.append(body)
            if body.startswith(b"die"):
                break
            await connection.answer(body)
        if how == "reset":
            connection.reset()

    async with RawUpstream(dying, tls=tls) as upstream:
        for number in range(TRIES):
            await whole(transport, request(url(upstream, tls), b"live"))
            assert await failure(transport, request(url(upstream, tls), b"die %d" % number)) == "reset"
            assert read.count(b"die %d" % number) == 1


async def test_a_request_of_which_a_part_was_read_is_not_sent_again(transport: Transport) -> None:
    begun = 0

    async def dying(connection: Connection) -> None:
        nonlocal begun
        await connection.answer((await connection.read_request())[1])
        await connection.reader.readuntil(b"\r\n\r\n")
        begun += 1
        connection.reset()

    async with RawUpstream(dying) as upstream:
        for number in range(TRIES):
            await whole(transport, request(upstream.url))
            assert await failure(transport, request(upstream.url, b"x" * 2**16)) == "reset"
            assert begun == number + 1


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_what_an_ended_connection_never_got_is_sent_once_more_and_reported(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext | None, how: str
) -> None:
    """The server ends the idle connection before the request leaves, and the look before use does not see it.

    With TLS the socket may be closed before it can be asked what the server got. Then the request is not sent again.
    """
    monkeypatch.setattr(PoolConnection, "usable", unnoticed(PoolConnection.usable))
    connections: list[Connection] = []
    read: list[bytes] = []

    async def serve(connection: Connection) -> None:
        connections.append(connection)
        while True:
            read.append((await connection.read_request())[1])
            await connection.answer(read[-1])

    transport = PoolTransport()
    async with RawUpstream(serve, tls=tls) as upstream:
        await whole(transport, request(url(upstream, tls), b"one"))
        end(connections[-1], reset=how == "reset")
        await asyncio.sleep(0)
        told: list[str] = []
        asked = request(url(upstream, tls), b"two")
        asked.on_resend = lambda error: told.append(error.kind)
        failed = await failure(transport, asked)
        assert (failed, told, read) in (
            ("", ["reset"], [b"one", b"two"]),
            *([("reset", [], [b"one"])] if tls is not None else []),
        )
    await transport.close()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH"])
async def test_only_a_safe_method_is_repeated_without_a_proof(method: str) -> None:
    asked: list[bytes] = []

    async def dying(connection: Connection) -> None:
        asked.append((await connection.read_request())[0])
        await connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        asked.append((await connection.read_request())[0])
        if len(asked) == 3:
            await connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    transport = PoolTransport()
    async with RawUpstream(dying) as upstream:
        await whole(transport, request(upstream.url, b""))
        failed = await failure(transport, request(upstream.url, b"", method=method))
        safe = method in ("GET", "HEAD")
        assert (failed, len(asked)) == (("", 3) if safe else ("reset", 2))
    await transport.close()


@pytest.mark.parametrize(
    ("header", "longest"),
    [
        (None, math.inf), (b"timeout=5", 4.0), (b"timeout=1, max=9", 0.5), (b"max=100, Timeout = 30", 29.0),
        (b"timeout=0", 0.0), (b"timeout=x", math.inf), (b'timeout="2"', 1.0),
    ],
)  # fmt: skip
def test_a_connection_is_used_for_a_little_less_than_its_server_announced(header: bytes | None, longest: float) -> None:
    assert patience(header) == longest


async def test_a_connection_that_its_server_is_about_to_close_is_not_used_again() -> None:
    """A time of nothing at all: every request needs a connection of its own, and none breaks."""
    transport = PoolTransport()

    async def serve(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nKeep-Alive: timeout=0\r\n\r\n{}")
        await connection.wait_closed()

    async with RawUpstream(serve) as upstream:
        for _ in range(3):
            assert (await whole(transport, request(upstream.url))).body == b"{}"
        assert upstream.connections == 3
    await transport.close()


def end(connection: Connection, *, reset: bool) -> None:
    """End it from the server's side: with a FIN in the kernel, past the server's loop; or with a RST, by the loop."""
    if reset:
        connection.reset()
        return
    with socket.socket(fileno=os.dup(connection.writer.get_extra_info("socket").fileno())) as raw:
        raw.shutdown(socket.SHUT_RDWR)


def unnoticed(usable: Callable[[PoolConnection], bool]) -> Callable[[PoolConnection], bool]:
    """As if the end had come a moment after the look."""

    def look(connection: PoolConnection) -> bool:
        usable(connection)
        return True

    return look
