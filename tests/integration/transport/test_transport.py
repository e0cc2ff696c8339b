"""What either transport makes of an upstream's answer: every framing, what breaks off, what can't be read."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from gateway.proxy.transport.aiohttp import AiohttpTransport
from gateway.proxy.transport.transport import Transport, UpstreamRequest
from gateway.proxy.wire.http import Headers
from tests.fixtures.gateway.transport_fixture import MAKERS, failure, request, transport_of, whole
from tests.fixtures.upstream.connection_server import GOOD, Connection
from tests.fixtures.upstream.raw_upstream import RawUpstream

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
LETTERS = b"the quick brown fox " * 500
WHOLE = {
    "a length": (b"hello", OK + b"content-length: 5\r\n\r\nhello"),
    "nothing": (b"", OK + b"content-length: 0\r\n\r\n"),
    "chunks": (b"hello", CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
    "chunks with extensions and trailers": (b"hello", CHUNKED + b"5;a=b\r\nhello\r\n0;c\r\nx-sum: 1\r\n\r\n"),
    "the connection's end": (b"hello", OK + b"\r\nhello"),
    "the connection's end, HTTP/1.0": (b"hello", b"HTTP/1.0 200 OK\r\n\r\nhello"),
    "a length, HTTP/1.0": (b"hello", b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
    "a length, to be closed": (b"hello", OK + b"connection: close\r\ncontent-length: 5\r\n\r\nhello"),
    "after interim answers": (
        b"hello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
        + OK
        + b"content-length: 5\r\n\r\nhello",
    ),
    "without a reason": (b"hello", b"HTTP/1.1 200\r\ncontent-length: 5\r\n\r\nhello"),
    "no content": (b"", b"HTTP/1.1 204 No Content\r\n\r\n"),
    "not modified, with a length": (b"", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
    "gzip": (LETTERS, GOOD.replace(b"application/json", b"text/plain\r\ncontent-encoding: gzip")),
    "deflate": (LETTERS, GOOD.replace(b"application/json", b"text/plain\r\ncontent-encoding: deflate")),
    "deflate without its head": (LETTERS, GOOD.replace(b"application/json", b"a/b\r\ncontent-encoding: deflate")),
}
PACKED = {
    "gzip": gzip.compress(LETTERS),
    "deflate": zlib.compress(LETTERS),
    "deflate without its head": zlib.compress(LETTERS, wbits=-15),
}
RESET, BAD = ("reset",), ("bad_answer",)
EITHER = ("reset", "bad_answer")
BROKEN = {
    "nothing at all": (b"", RESET),
    "half a head": (OK + b"content-le", EITHER),
    "less than its length": (OK + b"content-length: 9\r\n\r\nhello", RESET),
    "an unfinished chunk": (CHUNKED + b"5\r\nhel", RESET),
    "no last chunk": (CHUNKED + b"5\r\nhello\r\n", RESET),
    "no end of the trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nx: y\r\n", RESET),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", BAD),
    "a length that is none": (OK + b"content-length: 5x\r\n\r\nhello", BAD),
    "a length below zero": (OK + b"content-length: -5\r\n\r\nhello", BAD),
    "two lengths": (OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!", BAD),
    "a length beside chunks": (OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    "chunks beside a length": (OK + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", BAD),
    "a chunk's size that is none": (CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n", EITHER),
    "a chunk that goes on": (CHUNKED + b"2\r\nhello\r\n0\r\n\r\n", EITHER),
    "a chunk's size without end": (CHUNKED + b"f" * 70_000 + b"\r\n", EITHER),
    "a NUL in a header": (OK + b"x: a\0b\r\ncontent-length: 0\r\n\r\n", BAD),
    "a folded header": (OK + b"x: a\r\n b\r\ncontent-length : 0\r\n\r\n", BAD),
    "a header without end": (OK + b"x: " + b"y" * 2**18, EITHER),
    "another protocol": (b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\nPRI", EITHER),
    "a status that is none": (b"HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n", BAD),
    "gzip that is none": (GOOD.replace(b"application/json", b"a/b\r\ncontent-encoding: gzip") % (5, b"hello"), EITHER),
    "gzip that ends early": (
        GOOD.replace(b"application/json", b"a/b\r\ncontent-encoding: gzip") % (20, PACKED["gzip"][:20]),
        EITHER,
    ),
}
TAKEN_BY_AIOHTTP = {"a folded header", "gzip that ends early"}
"""Broken answers that aiohttp hands on as whole ones; the pool does not."""


@pytest.fixture(params=list(MAKERS))
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    async with transport_of(request.param) as made:
        yield made


def _saying(*pieces: bytes) -> RawUpstream:
    async def serve(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(*pieces)

    return RawUpstream(serve)


@pytest.mark.parametrize("form", WHOLE)
@pytest.mark.parametrize("cut", ["whole", "in many packets"])
async def test_an_answer_is_read_in_every_framing(transport: Transport, form: str, cut: str) -> None:
    body, raw = WHOLE[form]
    if form in PACKED:
        raw %= (len(PACKED[form]), PACKED[form])
    step = len(raw) if cut == "whole" else max(1, len(raw) // 25)
    async with _saying(*[raw[start : start + step] for start in range(0, len(raw), step)]) as upstream:
        assert (await whole(transport, request(upstream.url))).body == body


@pytest.mark.parametrize("form", BROKEN)
async def test_what_is_no_whole_answer_is_an_error(transport: Transport, form: str) -> None:
    raw, kinds = BROKEN[form]
    if isinstance(transport, AiohttpTransport) and form in TAKEN_BY_AIOHTTP:
        pytest.skip("aiohttp hands it on")
    async with _saying(raw) as upstream:
        assert await failure(transport, request(upstream.url)) in kinds


async def test_pieces_come_as_they_come(transport: Transport) -> None:
    async def serve(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(CHUNKED)
        for word in (b"one", b"two"):
            await connection.send(b"3\r\n" + word + b"\r\n")
            await going.acquire()
        await connection.send(b"0\r\n\r\n")

    going = asyncio.Semaphore(0)
    async with RawUpstream(serve) as upstream:
        answer = await transport.send(request(upstream.url))
        for word in (b"one", b"two"):
            assert await answer.read() == word
            going.release()
        assert await answer.read() == b""
        answer.release()


async def test_the_status_and_the_headers_are_those_of_the_upstream(transport: Transport) -> None:
    raw = b"HTTP/1.1 429 Slow Down\r\nX-RateLimit-Reset: 1s\r\nX-Name: caf\xc3\xa9 \r\ncontent-length: 2\r\n\r\n{}"
    async with _saying(raw) as upstream:
        found = await whole(transport, request(upstream.url))
    assert found.status == 429 and found.headers["x-ratelimit-reset"] == "1s"
    assert found.headers["x-name"].encode("latin-1") == b"caf\xc3\xa9"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_an_answer(transport: Transport, status: int) -> None:
    raw = b"HTTP/1.1 %d Moved\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n" % status
    async with _saying(raw) as upstream:
        assert (await whole(transport, request(upstream.url))).status == status
        assert upstream.connections == 1


async def test_a_request_is_sent_as_it_is(transport: Transport) -> None:
    heads: list[tuple[bytes, bytes]] = []

    async def serve(connection: Connection) -> None:
        while True:
            heads.append(await connection.read_request())
            await connection.answer(b"{}")

    async with RawUpstream(serve) as upstream:
        url = upstream.url.replace("/chat", "/a%2Fb:c/chat") + "?after=x%20y&limit=2"
        await whole(transport, request(url, b'{"a": 1}', x_name="v"))
        await whole(transport, UpstreamRequest(url, Headers({}), b"", 5.0, "GET"))
        await whole(transport, UpstreamRequest(url, Headers({}), b"", 5.0, "POST"))
    lines = heads[0][0].split(b"\r\n")
    assert lines[0] == b"POST /v1/a%2Fb:c/chat/completions?after=x%20y&limit=2 HTTP/1.1"
    named = {line.partition(b":")[0].lower(): line.partition(b":")[2].strip() for line in lines[1:-2]}
    assert named == {
        b"host": b"127.0.0.1:%d" % upstream.port,
        b"content-type": b"application/json",
        b"x-name": b"v",
        b"content-length": b"8",
    }
    assert heads[0][1] == b'{"a": 1}' and upstream.connections == 1
    assert heads[1][0].startswith(b"GET /") and b"content-length" not in heads[1][0].lower()
    assert b"content-length: 0" in heads[2][0].lower()


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\0b"])
async def test_a_header_can_not_end_its_line(transport: Transport, value: str) -> None:
    async with _saying(GOOD % (2, b"{}")) as upstream:
        assert await failure(transport, UpstreamRequest(upstream.url, Headers.of({"x-a": value}), b"{}", 5.0)) != ""


async def test_a_head_request_has_no_body_and_the_next_answer_is_its_own(transport: Transport) -> None:
    async def serve(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(OK + b"content-length: 500\r\n\r\n")
        await connection.read_request()
        await connection.answer(b"second")

    async with RawUpstream(serve) as upstream:
        found = await whole(transport, UpstreamRequest(upstream.url, Headers({}), b"", 5.0, "HEAD"))
        assert (found.body, found.headers["content-length"]) == (b"", "500")
        assert (await whole(transport, request(upstream.url))).body == b"second"


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_large_body_and_a_large_answer_arrive_whole(transport: Transport) -> None:
    large = bytes(range(256)) * 80_000

    async def serve(connection: Connection) -> None:
        _, body = await connection.read_request()
        await connection.answer(body)

    async with RawUpstream(serve) as upstream:
        assert (await whole(transport, request(upstream.url, large))).body == large


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_an_answer_that_comes_before_the_body_is_sent_is_read(transport: Transport) -> None:
    async def serve(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await connection.wait_closed()

    async with RawUpstream(serve) as upstream:
        assert (await whole(transport, request(upstream.url, b"x" * 2**25))).status == 413


async def test_no_answer_and_no_server_are_different_errors(transport: Transport) -> None:
    async with _saying() as upstream:
        assert await failure(transport, request(upstream.url)) == "reset"
        url = upstream.url
    assert await failure(transport, request(url)) == "connect"
    assert await failure(transport, request("http://no-such-host.invalid/v1")) == "connect"
    assert await failure(transport, request("https://127.0.0.1:1/v1")) == "connect"
